import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import copies from '../../environments/demo-copies.ts';
import { CopyUnusable, InvalidRequest, NotReady } from '../../lambdas/kit/errors.ts';
import { type RecoveryPoint, RecoveryPoints, type Standing } from '../../lambdas/kit/recovery-points.ts';
import type { AutomatedBackup } from '../../lambdas/resources/rds-automated-backups.ts';
import { differences, type Instance, type MomentSource, type RdsInstances, type Settings } from '../../lambdas/resources/rds-instances.ts';
import type { Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import { choose, chooseClean, chooseMoment } from '../../lambdas/restore/choose.ts';
import { closeRestore } from '../../lambdas/restore/close-restore.ts';
import { logSourceOf } from '../../lambdas/restore/log-source.ts';
import { readRestoreRequest } from '../../lambdas/restore/read-restore-request.ts';
import { restoreDatabase } from '../../lambdas/restore/restore-database.ts';
import { type RestoreRequest, restoredName } from '../../lambdas/restore/restoring.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const HOUR_MS = 3_600_000;
const pointAt = (hoursAgo: number, standing: Standing, site: 'primary' | 'recovery' = 'recovery'): RecoveryPoint => {
  const dueAt = new Date(NOW - hoursAgo * HOUR_MS).toISOString();
  const completedAt = new Date(NOW - hoursAgo * HOUR_MS + 600_000).toISOString();
  return {
    id: `point-${hoursAgo}`,
    workload: 'orders',
    database: 'orders',
    tier: 'daily',
    dueAt,
    reachesTo: dueAt,
    instance: 'orders-primary',
    engine: 'postgres',
    engineVersion: '18.4',
    allocatedGb: 20,
    standing,
    copies: [{ site, region: 'us-west-2', arn: 'a', completedAt, encrypted: true }],
  };
};
const points = [
  pointAt(1, 'unverified'),
  pointAt(2, 'failed'),
  pointAt(3, 'verified'),
  pointAt(4, 'verified'),
  pointAt(0, 'verified', 'primary'),
];

describe('the choice of a recovery point', () => {
  it.each([
    ['latest', 'point-1'],
    ['latestVerified', 'point-3'],
    [{ recoveryPoint: 'point-2' }, 'point-2'],
    // Complete ten minutes after it was due: only then is it older than the moment.
    [{ before: new Date(NOW - 3 * HOUR_MS + 300_000).toISOString() }, 'point-4'],
    [{ before: new Date(NOW - 3 * HOUR_MS + 660_000).toISOString() }, 'point-3'],
  ] as const)('%j: %s', (wanted, id) => {
    const { point, why } = choose(points, 'recovery', wanted);
    expect(point.id).toBe(id);
    expect(why).toContain(point.standing);
  });

  it('that there is not says what there is', () => {
    expect(() => choose([pointAt(1, 'failed')], 'recovery', 'latest')).toThrow('there are 1, 0 of them verified');
    expect(() => choose(points, 'recovery', { recoveryPoint: 'point-0' })).toThrow(InvalidRequest);
  });
});

describe('a moment', () => {
  const identifier = 'orders-replica';
  const source = { id: identifier, restorableUntil: new Date(NOW - 300_000).toISOString() } as Instance;
  const instances = { primary: 'orders-primary', recovery: identifier };
  const backupOf = (instance: string, minutesAgo: number): AutomatedBackup => ({
    arn: `${instance}-${minutesAgo}`,
    instanceArn: `arn:aws:rds:us-east-1:${demo.account}:db:${instance}`,
    status: 'active',
    latestAt: new Date(NOW - minutesAgo * 60_000).toISOString(),
  });
  const logOf = (known: Instance[], backups: AutomatedBackup[] = []) =>
    logSourceOf(new Map(known.map((one) => [one.id, one])), backups, { plan: demo, site: 'recovery', instances });
  const log = logOf([source]);
  const at = '2026-11-20T13:30:00+02:00';

  it('is taken to the letter, and says how far the log reaches', () => {
    const { moment, id, why } = chooseMoment(at, { log, identifier, now: NOW });
    expect([moment, id]).toEqual(['2026-11-20T11:30:00.000Z', 'moment-20261120113000000']);
    expect(why).toContain(source.restorableUntil);
  });

  it('is restored from what came here of the other site, where its own instance keeps no backups: what reaches furthest', () => {
    const brought = [backupOf('orders-primary', 90), backupOf('orders-primary', 6), backupOf('payroll', 1)];
    expect(log!.source).toEqual({ id: identifier });
    expect(logOf([source], brought)!.source).toEqual({ id: identifier });
    for (const known of [[], [{ ...source, restorableUntil: undefined }]])
      expect(logOf(known, brought)).toMatchObject({ source: { backupArn: 'orders-primary-6' }, until: brought[1]!.latestAt });
    expect(logOf([], [{ ...backupOf('orders-primary', 1), latestAt: undefined }])).toBeUndefined();
  });

  it('that is not over, or of which no log is here, is refused', () => {
    const future = new Date(NOW + 1_000).toISOString();
    expect(() => chooseMoment(future, { log, identifier, now: NOW })).toThrow('target.at');
    expect(() => chooseMoment(at, { log: undefined, identifier, now: NOW })).toThrow('no log is in this site');
  });
});

describe('a clean room', () => {
  it('starts from a proven point that is older than the compromise, and from nothing else', () => {
    const before = new Date(NOW - 2 * HOUR_MS).toISOString();
    expect(chooseClean(points, 'recovery', { before }).point.id).toBe('point-3');
    expect(() => chooseClean([pointAt(5, 'unverified')], 'recovery', { before })).toThrow(InvalidRequest);
  });
});

describe('the request', () => {
  const execution = { name: 'by-hand', startedAt: '2026-11-20T12:00:00Z' };
  const read = async (given: object) => {
    const base = baseFor(leaseOf(), { plan: demo });
    const recoveryPoints = new RecoveryPoints(base.ledger);
    for (const { standing, ...point } of points) {
      await recoveryPoints.record(point);
      await recoveryPoints.note(point, { standing });
    }
    const known = new Map([
      ['orders-replica', { id: 'orders-replica', restorableUntil: new Date(NOW - 300_000).toISOString() } as Instance],
    ]);
    return readRestoreRequest.run(
      { execution, given },
      {
        ...base,
        points: recoveryPoints,
        instances: { list: async () => known },
        backups: { list: async () => [] },
      },
    );
  };

  it('says what would be lost, and from which point, before anything is done', async () => {
    const { request } = await read({ workload: 'orders', dryRun: true });
    expect(request).toMatchObject({
      incident: 'by-hand',
      dryRun: true,
      database: 'orders',
      point: { id: 'point-3' },
      lostSeconds: 3 * 3_600,
    });
  });

  it('for a moment names what is restored by it', async () => {
    const { request } = await read({ workload: 'orders', dryRun: true, target: { at: '2026-11-20T11:00:00Z' } });
    expect(request).toMatchObject({ moment: '2026-11-20T11:00:00.000Z', lostSeconds: 3_600, point: { id: 'moment-20261120110000000' } });
  });

  it('needs a workload that is known, a field that is known, and a reason', async () => {
    await expect(read({ workload: 'orders' })).rejects.toThrow(/^reason: /);
    await expect(read({ workload: 'billing', dryRun: true })).rejects.toThrow('unknown in environment');
    await expect(read({ workload: 'orders', dryRun: true, swap: true })).rejects.toThrow(InvalidRequest);
    await expect(read({ workload: 'orders', database: 'x', dryRun: true })).rejects.toThrow('database: name one of orders');
    await expect(read({ workload: 'orders', dryRun: true, placement: 'cleanRoom' })).rejects.toThrow(/^target: a clean room needs/);
  });

  it.each(['beside', 'inPlace', 'cleanRoom'])('%s: a time before which it goes back to must be over', async (placement) => {
    const before = '2062-11-20T09:00:00Z';
    await expect(read({ workload: 'orders', dryRun: true, placement, target: { before } })).rejects.toThrow(
      `target.before: ${before} is not over yet`,
    );
  });

  it.each(['latestverified', { att: '2026-11-20T09:00:00Z' }, 7])('with the target %j is told which forms there are', async (target) => {
    const reading = read({ workload: 'orders', dryRun: true, target });
    await expect(reading).rejects.toThrow(
      /^target: give "latest", "latestVerified", {"at": "<time>"}, {"before": "<time>"} or {"recoveryPoint": "<id>"}/,
    );
  });

  it('takes the newest proven one, beside, unless it says otherwise', async () => {
    const { request } = await read({ workload: 'orders', reason: 'r' });
    expect(request).toMatchObject({ placement: 'beside', point: { id: 'point-3' }, acceptUnknown: false });
  });
});

const request: RestoreRequest = {
  incident: 'run-1',
  execution: 'run-1',
  placement: 'beside',
  moment: null,
  acceptUnknown: false,
  detectedAt: null,
  dryRun: false,
  reason: 'test',
  database: 'orders',
  point: { id: 'point-3', workload: 'orders', database: 'orders', dueAt: points[2]!.dueAt },
  why: 'why',
  startedAt: new Date(NOW).toISOString(),
  lostSeconds: 1,
};
const id = restoredName(demo, request);
const settings: Settings = {
  DBInstanceClass: 'db.r8g.large',
  MultiAZ: true,
  DeletionProtection: true,
  VpcSecurityGroupIds: ['sg-1'],
  DBParameterGroupName: 'tuned',
};

describe('restoring', () => {
  const given = (plan = demo) => {
    const known = new Map<string, Instance>();
    const set = (name: string, status: string) => known.set(name, { id: name, arn: name, status, tags: {}, settings });
    set('orders-replica', 'available');
    const asked: unknown[] = [];
    const restoreLike = async (like: unknown, options: { id: string }) => {
      asked.push(like);
      set(options.id, 'creating');
    };
    const restoreToMoment = async (_: unknown, options: { source: MomentSource }) => void asked.push(options.source);
    const instances = { list: async () => known, restoreLike, restoreToMoment } as unknown as RdsInstances;
    const brought: AutomatedBackup[] = [];
    const taken = new Map<string, Snapshot>();
    const services = { instances, snapshots: { list: async () => taken }, backups: { list: async () => brought } };
    return { ...baseFor(leaseOf(), { plan }), ...services, taken, brought, asked, set };
  };

  it('takes the snapshot that was proven, and no other one of its name', async () => {
    const services = given();
    const takenAt = points[2]!.dueAt;
    await new RecoveryPoints(services.ledger).record({ ...points[2]!, takenAt });
    services.taken.set('point-3', { id: 'point-3', takenAt: new Date(NOW).toISOString() } as Snapshot);
    await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(CopyUnusable);
    expect(services.asked).toEqual([]);
    services.taken.set('point-3', { id: 'point-3', takenAt } as Snapshot);
    await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(NotReady);
    expect(services.asked).toHaveLength(1);
  });

  it('asks once, with the settings of the instance beside it', async () => {
    const services = given();
    await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(NotReady);
    await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(NotReady);
    expect(services.asked).toEqual([settings]);
    services.set(id, 'available');
    expect(await restoreDatabase.run({ workload: 'orders', request }, services)).toEqual({ instance: id });
    for (const hopeless of ['incompatible-parameters', 'insufficient-capacity']) {
      services.set(id, hopeless);
      await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(CopyUnusable);
    }
    services.set(id, 'backing-up');
    await expect(restoreDatabase.run({ workload: 'orders', request }, services)).rejects.toThrow(NotReady);
  });

  it('replays a moment from what came here of the other site, once that reaches it', async () => {
    const services = given(copies);
    const restore = () =>
      restoreDatabase.run({ workload: 'orders', request: { ...request, moment: '2026-11-20T11:30:00.000Z' } }, services);
    await expect(restore()).rejects.toThrow('up to nothing');
    const instanceArn = `arn:aws:rds:us-east-1:${demo.account}:db:orders-primary`;
    services.brought.push({ arn: 'brought', instanceArn, status: 'active', latestAt: '2026-11-20T11:29:00.000Z' });
    await expect(restore()).rejects.toThrow('up to 2026-11-20T11:29:00.000Z');
    expect(services.asked).toEqual([]);
    services.brought[0]!.latestAt = '2026-11-20T11:31:00.000Z';
    await expect(restore()).rejects.toThrow('is being restored');
    expect(services.asked).toEqual([{ backupArn: 'brought' }]);
  });

  it('asks for nothing in a dry run', async () => {
    const services = given();
    const dry = { ...request, dryRun: true };
    expect(await restoreDatabase.run({ workload: 'orders', request: dry }, services)).toEqual({
      would: `restore point-3 as ${id}, beside orders-replica`,
    });
    expect(services.asked).toEqual([]);
  });

  it('compares each setting, and does not take a missing instance for an equal one', () => {
    expect(differences(settings, settings)).toEqual([]);
    expect(differences(settings, { ...settings, MultiAZ: false, VpcSecurityGroupIds: ['sg-2'] })).toEqual([
      'MultiAZ',
      'VpcSecurityGroupIds',
    ]);
    expect(differences(undefined, settings)).toHaveLength(1);
  });
});

describe('the end of a restore', () => {
  const close = async (outcome: object, over: Partial<RestoreRequest> = {}) => {
    const told: string[] = [];
    const tell = async (subject: string) => void told.push(subject);
    const services = { ...baseFor(leaseOf(), { plan: demo }), tell, save: async () => 's3://record', put: async () => {} };
    const parsed = closeRestore.input.shape.outcome.parse(outcome);
    return { output: await closeRestore.run({ workload: 'orders', request: { ...request, ...over }, outcome: parsed }, services), told };
  };
  const passed = { checks: [{ check: 'c', verdict: 'passed' }], settings: [], endpoint: 'host' };

  it('is good only when all checks passed and all settings are as they were', async () => {
    expect((await close({ inspected: passed })).output).toMatchObject({ succeeded: true, instance: id, endpoint: 'host' });
    expect((await close({ inspected: { ...passed, settings: ['MultiAZ'] } })).output.succeeded).toBe(false);
    expect((await close({ inspected: { ...passed, checks: [{ check: 'c', verdict: 'unknown' }] } })).output.succeeded).toBe(false);
    const { output, told } = await close({ failure: { Error: 'CopyUnusable', Cause: 'restore-error' } });
    expect(output).toMatchObject({ succeeded: false, detail: 'CopyUnusable: restore-error', cause: 'CopyUnusable: restore-error' });
    expect(told).toEqual(['orders: restored with problems']);
  });

  it('that is not good says why, in the words of its failed execution', async () => {
    const bad = { ...passed, checks: [{ check: 'heap', verdict: 'failed', detail: 'block 7' }], settings: ['MultiAZ'] };
    expect((await close({ inspected: bad })).output).toMatchObject({ succeeded: false, cause: 'heap: block 7; setting MultiAZ differs' });
    expect((await close({})).output).toMatchObject({ succeeded: false, cause: 'nothing was checked' });
    const thrown = JSON.stringify({ errorType: 'NotReady', errorMessage: 'i-1 is creating', trace: [] });
    const { output } = await close({ failure: { Error: 'NotReady', Cause: thrown } }, { dryRun: true });
    expect(output).toMatchObject({ succeeded: false, cause: 'NotReady: i-1 is creating' });
  });

  it('of a dry run tells nobody', async () => {
    const { output, told } = await close({}, { dryRun: true });
    expect(output).toMatchObject({ succeeded: true, dryRun: true });
    expect(told).toEqual([]);
  });
});
