import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeBackup } from '../../../lambdas/backup/close-backup.ts';
import { copySnapshots } from '../../../lambdas/backup/copy-snapshots.ts';
import { type BackupRequest, snapshotsOf } from '../../../lambdas/backup/jobs.ts';
import { pruneRecoveryPoints } from '../../../lambdas/backup/prune-recovery-points.ts';
import { recordRecoveryPoints } from '../../../lambdas/backup/record-recovery-points.ts';
import { takeSnapshots } from '../../../lambdas/backup/take-snapshots.ts';
import { NotReady } from '../../../lambdas/kit/errors.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../../lambdas/kit/recovery-points.ts';
import { RdsInstances } from '../../../lambdas/resources/rds-instances.ts';
import { planWith, primaryBase } from '../../backup/memory.ts';
import { EAST, Harness } from './harness.ts';

const DATABASES = 300;
/** Describe and list calls by database and poll. */
const MOST_CALLS = 0.2;
/** The machine's retrier waits longer; what counts is how much one poll asks. */
const POLL_MS = 250;
const POLLS_WITHIN = 600;
/** A minute alone; the cores may be shared with much else. */
const ENDS_WITHIN_MS = 900_000;

/** RDS with 300 instances that exist in the API alone, behind an endpoint that counts; the steps reach it by their own SDK clients. */
let harness: Harness;
let server: Server;
const calls: string[] = [];
const refusals: string[] = [];

beforeAll(async () => {
  harness = await Harness.start();
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const action = new URLSearchParams(body.toString()).get('Action') ?? '';
    const region = /Credential=[^/]+\/\d{8}\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? EAST;
    calls.push(action);
    const caller = { id: calls.length, at: Date.now(), source: region, principal: 'test' };
    const { method = 'POST', url = '/' } = request;
    const reply = await harness.rds.handle({ ...caller, region, service: 'rds', action, method, path: url, headers: {}, body });
    if (reply.status >= 400) refusals.push(`${action}: ${String(reply.body).slice(0, 300)}`);
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_RDS: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_REGION: EAST,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});

afterAll(async () => {
  server?.close();
  await harness?.stop();
});

describe('a backup run over 300 databases', () => {
  it(
    'drops none, is refused nothing for a quota, and asks at most 0.2 times for each database and poll',
    async () => {
      const plan = planWith(DATABASES);
      const base = { ...primaryBase(plan), now: Date.now };
      // Such an account has asked AWS for more than a new one gets; copies in progress stay 20.
      Object.assign(harness.rds.quotas, { instances: DATABASES, manualSnapshots: DATABASES });
      const instances = plan.workloads[0]!.databases.map((database) => database.instances.primary);
      harness.rds.listOnly(EAST, instances);
      const request: BackupRequest = { run: 'run-1', tier: 'daily', dueAt: new Date().toISOString(), workloads: ['orders'] };
      const points = new RecoveryPoints(base.ledger);
      const services = {
        ...base,
        points,
        instances: new RdsInstances(),
        snapshots: snapshotsOf(plan),
        tell: async () => {},
        put: async () => {},
      };
      const manifests = { find: async () => undefined, save: async () => {} } as never;

      const taken = await asTheMachine('take', () => takeSnapshots.run({ request }, services));
      expect(taken.output).toEqual({ taken: DATABASES, of: DATABASES });
      const copied = await asTheMachine('copy', () => copySnapshots.run({ request }, services));
      expect(copied.output).toEqual({ copied: DATABASES, of: DATABASES });
      const recorded = await asTheMachine('record', () => recordRecoveryPoints.run({ request }, { ...services, manifests }));
      expect(recorded.output).toEqual({ recorded: DATABASES });
      const pruned = await asTheMachine('prune', () => pruneRecoveryPoints.run({ request }, services));
      const closed = await asTheMachine('close', () => closeBackup.run({ request }, services));
      expect(closed.output).toMatchObject({ succeeded: true, good: DATABASES });

      const all = [...base.memory.items.values()] as unknown as RecoveryPoint[];
      expect(all.filter(({ copies }) => copies?.length === 2)).toHaveLength(DATABASES);
      for (const { step, perDatabaseAndPoll } of [taken, copied, recorded, pruned, closed])
        expect(perDatabaseAndPoll, step).toBeLessThanOrEqual(MOST_CALLS);
      expect(refusals).toEqual([]);
      expect(calls.filter((action) => action === 'CreateDBSnapshot')).toHaveLength(DATABASES);
      expect(calls.filter((action) => action === 'CopyDBSnapshot')).toHaveLength(DATABASES);
      expect(calls.filter((action) => action.includes('Tags'))).toEqual([]);
      const figures = [taken, copied, recorded, pruned].map(
        ({ step, polls, asked, perDatabaseAndPoll }) => `${step}: ${polls} polls, ${asked} lists, ${perDatabaseAndPoll.toFixed(3)}`,
      );
      console.log(figures.join('; '));
    },
    ENDS_WITHIN_MS,
  );
});

/** Runs a step again while it is not ready, as its retrier does, and counts what it asked. */
const asTheMachine = async <T>(step: string, run: () => Promise<T>) => {
  const before = calls.length;
  for (let polls = 1; ; polls++) {
    try {
      const output = await run();
      const asked = calls.slice(before).filter((action) => /^(Describe|List)/.test(action)).length;
      return { step, output, polls, asked, perDatabaseAndPoll: asked / polls / DATABASES };
    } catch (error) {
      if (!(error instanceof NotReady) || polls >= POLLS_WITHIN) throw error;
      await pause(POLL_MS);
    }
  }
};
