import { setTimeout as pause } from 'node:timers/promises';
import { DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, it } from 'vitest';
import demo from '../../../environments/demo-backup.ts';
import { recurrence } from '../../../lab/scheduler/expression.ts';
import { copySnapshots } from '../../../lambdas/backup/copy-snapshots.ts';
import { type BackupRequest, snapshotsOf } from '../../../lambdas/backup/jobs.ts';
import { pruneRecoveryPoints } from '../../../lambdas/backup/prune-recovery-points.ts';
import { recordRecoveryPoints } from '../../../lambdas/backup/record-recovery-points.ts';
import { takeSnapshots } from '../../../lambdas/backup/take-snapshots.ts';
import { NotReady } from '../../../lambdas/kit/errors.ts';
import { RecoveryPoints } from '../../../lambdas/kit/recovery-points.ts';
import { RdsInstances } from '../../../lambdas/resources/rds-instances.ts';
import { primaryBase } from '../../backup/memory.ts';
import { ofType, synthesise } from '../../infra/synth.ts';
import { ACCOUNT, EAST, Harness, WEST } from './harness.ts';

const POLL_MS = 20;
const POLLS_WITHIN = 500;
const ENDS_WITHIN_MS = 900_000;
const DAY_MS = 86_400_000;

/** A Monday, 00:00 in Berlin. Clocks go forward on the third Sunday from it, 28 March: 02:15, when the daily one is due, does not exist. */
const START = Date.parse('2027-03-07T23:00:00Z');
/** Kept at the end of each week: three days of six-hourly ones, thirty of daily ones but for the one that was never due, all weekly ones. */
const KEPT = [
  { ends: '2027-03-14T23:00:00Z', 'six-hourly': 13, daily: 7, weekly: 1 },
  { ends: '2027-03-21T23:00:00Z', 'six-hourly': 13, daily: 14, weekly: 2 },
  { ends: '2027-03-28T22:00:00Z', 'six-hourly': 13, daily: 20, weekly: 3 },
  { ends: '2027-04-04T22:00:00Z', 'six-hourly': 13, daily: 27, weekly: 4 },
  { ends: '2027-04-11T22:00:00Z', 'six-hourly': 13, daily: 29, weekly: 5 },
];

const [workload] = demo.workloads;
const [database] = workload!.databases;
const timeZone = 'Europe/Berlin';
const backup = { ...database!.backup!, tiers: database!.backup!.tiers.map((tier) => ({ ...tier, timeZone })) };
const berlin = { ...demo, workloads: [{ ...workload!, databases: [{ ...database!, backup }] }] };

interface Due {
  at: number;
  /** Nothing for the daily proof. */
  tier?: BackupRequest['tier'];
}

/** When Scheduler starts what, by the stack's own expressions, in their order. */
const due = (from: number, until: number): Due[] =>
  ofType(synthesise(berlin).primary, 'AWS::Scheduler::Schedule')
    .flatMap(([, { Properties }]) => {
      const { ScheduleExpression, ScheduleExpressionTimezone, Target } = Properties as Record<string, string> & {
        Target: { Input?: string };
      };
      const { tier, proof } = JSON.parse(Target.Input ?? '{}') as { tier?: BackupRequest['tier']; proof?: string };
      if (!tier && proof !== 'daily') return [];
      const next = recurrence(ScheduleExpression!, { timezone: ScheduleExpressionTimezone, anchor: from });
      const times: Due[] = [];
      for (let at = next(from - 1); at !== undefined && at < until; at = next(at)) times.push({ at, tier });
      return times;
    })
    .sort((a, b) => a.at - b.at);

let harness: Harness;
beforeAll(async () => {
  harness = await Harness.start();
  Object.assign(harness.durations, { snapshot: 1, copySnapshot: 1, backUp: 1 });
  harness.rds.listOnly(EAST, [database!.instances.primary]);
  const credentials = { AWS_ACCESS_KEY_ID: ACCOUNT, AWS_SECRET_ACCESS_KEY: 'test' };
  Object.assign(process.env, { AWS_ENDPOINT_URL_RDS: harness.endpoint, AWS_REGION: EAST, ...credentials });
});
afterAll(() => harness?.stop());

it(
  'keeps of five weeks of schedules what each tier says, over a change of clocks',
  async () => {
    let now = START;
    const base = { ...primaryBase(berlin), now: () => now };
    const points = new RecoveryPoints(base.ledger);
    const services = { ...base, points, instances: new RdsInstances(), snapshots: snapshotsOf(berlin) };
    const manifests = { find: async () => undefined, save: async () => {} } as never;

    const backUp = async (tier: BackupRequest['tier']) => {
      const dueAt = new Date(now).toISOString();
      const request: BackupRequest = { run: `${tier}-${dueAt}`, tier, dueAt, workloads: [workload!.name] };
      await asTheMachine(() => takeSnapshots.run({ request }, services));
      await asTheMachine(() => copySnapshots.run({ request }, services));
      await recordRecoveryPoints.run({ request }, { ...services, manifests });
      await pruneRecoveryPoints.run({ request }, services);
    };
    const prove = async () => {
      for (const point of await points.list(workload!.name, database!.name))
        if (point.standing === 'unverified') await points.note(point, { standing: 'verified' });
    };

    const all = due(START, Date.parse(KEPT.at(-1)!.ends));
    // Four six-hourly ones and a proof on each of 35 days, and a daily one on all but one.
    expect(all.filter(({ tier }) => tier === 'six-hourly')).toHaveLength(4 * 35);
    expect(all.filter(({ tier }) => tier === 'daily')).toHaveLength(34);
    expect(all.filter(({ tier }) => tier === undefined)).toHaveLength(35);
    for (const { ends, ...kept } of KEPT) {
      while (all[0] && all[0].at < Date.parse(ends)) {
        const { at, tier } = all.shift()!;
        now = at;
        await (tier ? backUp(tier) : prove());
      }
      for (const region of [EAST, WEST]) expect(await tiersIn(region), `${region} before ${ends}`).toEqual(kept);
    }
    expect(now).toBeGreaterThan(START + 34 * DAY_MS);
  },
  ENDS_WITHIN_MS,
);

/** How many snapshots of each tier are there, by RDS's own word. */
const tiersIn = async (region: string): Promise<Record<string, number>> => {
  const { DBSnapshots = [] } = await harness.client(region).send(new DescribeDBSnapshotsCommand({ MaxRecords: 100 }));
  const tiers = DBSnapshots.map(({ TagList = [] }) => TagList.find(({ Key }) => Key === 'lifeboat:tier')?.Value ?? 'none');
  return Object.fromEntries([...new Set(tiers)].map((tier) => [tier, tiers.filter((other) => other === tier).length]));
};

/** Runs a step again while it is not ready, as its retrier does. */
const asTheMachine = async (run: () => Promise<unknown>): Promise<void> => {
  for (let polls = 1; ; polls++) {
    try {
      await run();
      return;
    } catch (error) {
      if (!(error instanceof NotReady) || polls >= POLLS_WITHIN) throw error;
      await pause(POLL_MS);
    }
  }
};
