import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { CopyUnusable, DatabaseUnrecoverable, InvalidRequest, NotReady } from '../../lambdas/kit/errors.ts';
import { provenIn, type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import type { Instance, RdsInstances, RestoreOptions } from '../../lambdas/resources/rds-instances.ts';
import type { Snapshot } from '../../lambdas/resources/rds-snapshots.ts';
import { closeVerification } from '../../lambdas/verification/close-verification.ts';
import { copyName, EXPIRES_TAG } from '../../lambdas/verification/copies.ts';
import { inspectCopy } from '../../lambdas/verification/inspect-copy.ts';
import { Proofs } from '../../lambdas/verification/proofs.ts';
import { readVerificationRequest } from '../../lambdas/verification/read-verification-request.ts';
import { recordVerification, standingOf } from '../../lambdas/verification/record-verification.ts';
import { removeCopy } from '../../lambdas/verification/remove-copy.ts';
import { restoreCopy } from '../../lambdas/verification/restore-copy.ts';
import { sweepCopies } from '../../lambdas/verification/sweep-copies.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const point = {
  id: 'lifeboat-demo-backup-orders-orders-daily-202611200215',
  workload: 'orders',
  database: 'orders',
  dueAt: '2026-11-20T02:15:00.000Z',
};
const item = { run: 'run-1', point };
const id = copyName(demo, 'run-1', point);

/** Instances of a region in memory. */
class MemoryInstances {
  readonly known = new Map<string, Instance>();
  readonly restored: RestoreOptions[] = [];
  readonly removed: string[] = [];
  busy = false;
  set(name: string, status: string, tags: Record<string, string> = {}): void {
    this.known.set(name, {
      id: name,
      arn: name,
      status,
      host: `${name}.example`,
      settings: {},
      tags: { 'lifeboat:environment': 'demo-backup', ...tags },
    });
  }
  list = async () => new Map(this.known);
  restore = async (options: RestoreOptions) => {
    this.restored.push(options);
    this.set(options.id, 'creating', options.tags);
  };
  remove = async (name: string) => {
    if (this.busy) return 'busy' as const;
    this.removed.push(name);
    return this.known.delete(name) ? ('asked' as const) : ('gone' as const);
  };
}

const given = () => {
  const memory = new MemoryInstances();
  const base = baseFor(leaseOf(), { plan: demo });
  const told: string[] = [];
  const tell = async (subject: string) => void told.push(subject);
  const put = async () => {};
  const taken = new Map<string, Snapshot>();
  return {
    ...base,
    taken,
    snapshots: { list: async () => taken },
    told,
    tell,
    put,
    points: new RecoveryPoints(base.ledger),
    recoveryPoints: new RecoveryPoints(base.ledger),
    proofs: new Proofs(base.ledger),
    instances: memory as unknown as RdsInstances,
    fake: memory,
  };
};

const record = async ({ points }: { points: RecoveryPoints }, over: Partial<RecoveryPoint> = {}): Promise<void> => {
  const copies = [{ site: 'recovery' as const, region: 'us-west-2', arn: 'arn', completedAt: point.dueAt, encrypted: true }];
  await points.record({
    ...point,
    tier: 'daily',
    instance: 'i',
    engine: 'postgres',
    engineVersion: '18.4',
    allocatedGb: 20,
    copies,
    ...over,
  });
};

describe('restoring a copy', () => {
  it('asks once, into the isolated network, under a name and a time of its own', async () => {
    const services = given();
    await expect(restoreCopy.run(item, services)).rejects.toThrow(NotReady);
    await expect(restoreCopy.run(item, services)).rejects.toThrow(`${id} is creating`);
    expect(services.fake.restored).toMatchObject([
      {
        id,
        snapshotId: point.id,
        dbSubnetGroup: 'isolated',
        securityGroupIds: ['sg-0150a7ed'],
        tags: { [EXPIRES_TAG]: '2026-11-20T15:00:00.000Z' },
      },
    ]);
    services.fake.set(id, 'available');
    expect(await restoreCopy.run(item, services)).toEqual({ instance: id });
  });

  it('is of the snapshot that was taken for the point: another one of its name is none, and is not restored', async () => {
    const services = given();
    const takenAt = '2026-11-20T02:15:04.000Z';
    await record(services, { takenAt });
    services.taken.set(point.id, { id: point.id, takenAt: '2026-11-20T03:00:00.000Z' } as Snapshot);
    await expect(restoreCopy.run(item, services)).rejects.toThrow(CopyUnusable);
    expect(services.fake.restored).toEqual([]);
    services.taken.set(point.id, { id: point.id, takenAt } as Snapshot);
    await expect(restoreCopy.run(item, services)).rejects.toThrow(NotReady);
    expect(services.fake.restored).toHaveLength(1);
  });

  it('that RDS gave up on is unusable; one with an unknown status may still come', async () => {
    const services = given();
    services.fake.set(id, 'incompatible-restore');
    await expect(restoreCopy.run(item, services)).rejects.toThrow(CopyUnusable);
    services.fake.set(id, 'something-new');
    await expect(restoreCopy.run(item, services)).rejects.toThrow(NotReady);
  });

  it('that RDS still backs up can be read', async () => {
    const services = given();
    services.fake.set(id, 'backing-up');
    expect(await restoreCopy.run(item, services)).toEqual({ instance: id });
  });

  it.each(['insufficient-capacity', 'incompatible-network', 'inaccessible-encryption-credentials', 'storage-full'])(
    'that is %s is waited for no longer, and says nothing against its point',
    async (status) => {
      const services = given();
      await record(services);
      services.fake.set(id, status);
      await expect(restoreCopy.run(item, services)).rejects.toThrow(DatabaseUnrecoverable);
      const failure = { Error: DatabaseUnrecoverable.name, Cause: '' };
      expect(await recordVerification.run({ ...item, outcome: { failure } }, services)).toEqual({ id: point.id, standing: 'unverified' });
    },
  );
});

describe('inspecting a copy', () => {
  const connectThat = (error: Error) => () => ({ with: async () => Promise.reject(error) }) as never;
  const manifests = { find: async () => undefined, save: async () => {} } as never;

  it('that answers with damage is unusable, one that does not answer may still', async () => {
    const services = { ...given(), manifests };
    await expect(inspectCopy.run(item, { ...services, connect: connectThat(new Error('never asked')) })).rejects.toThrow(NotReady);
    services.fake.set(id, 'available');
    const damaged = new NotReady('cannot connect', { cause: Object.assign(new Error('invalid page'), { code: 'XX001' }) });
    await expect(inspectCopy.run(item, { ...services, connect: connectThat(damaged) })).rejects.toThrow(CopyUnusable);
    const silent = new NotReady('cannot connect', { cause: Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }) });
    await expect(inspectCopy.run(item, { ...services, connect: connectThat(silent) })).rejects.toThrow(NotReady);
  });
});

describe('the verdict', () => {
  it('is verified only if every check passed, failed if one failed, and nothing else', () => {
    const check = (verdict: 'passed' | 'failed' | 'unknown') => ({ check: 'c', verdict });
    expect(standingOf([check('passed'), check('passed')])).toBe('verified');
    expect(standingOf([check('passed'), check('unknown')])).toBe('unverified');
    expect(standingOf([check('unknown'), check('failed')])).toBe('failed');
    expect(standingOf([])).toBe('unverified');
  });

  it('of a run that broke off says nothing against the point, and does not take back what was proven', async () => {
    const services = given();
    await record(services);
    await services.points.note(point, { standing: 'verified' });
    const failure = { Error: 'States.Timeout', Cause: '' };
    expect(await recordVerification.run({ ...item, outcome: { failure } }, services)).toEqual({ id: point.id, standing: 'unverified' });
    expect((await services.points.find(point))!.standing).toBe('verified');
    expect(services.told).toEqual(['orders: a recovery point could not be checked']);
    await recordVerification.run({ ...item, outcome: { failure: { Error: 'CopyUnusable', Cause: 'x' } } }, services);
    expect((await services.points.find(point))!.standing).toBe('failed');
  });

  it('of the whole run needs a proof by this very run', async () => {
    const services = given();
    await record(services);
    await services.points.note(point, {
      standing: 'verified',
      verification: { run: 'another', region: 'us-west-2', at: point.dueAt, checks: [] },
    });
    const request = { run: 'run-1', startedAt: point.dueAt };
    expect(await closeVerification.run({ request, points: [point] }, services)).toMatchObject({
      succeeded: false,
      cause: `${point.id}: unknown`,
    });
    await recordVerification.run({ ...item, outcome: { inspected: { checks: [{ check: 'c', verdict: 'passed' }] } } }, services);
    expect(await closeVerification.run({ request, points: [point] }, services)).toMatchObject({ succeeded: true, cause: '' });
    // Proven before, and this time nobody could tell.
    await recordVerification.run({ ...item, outcome: { failure: { Error: 'AccessDenied', Cause: '' } } }, services);
    expect(await services.points.find(point)).toMatchObject({ standing: 'verified' });
    expect(await closeVerification.run({ request, points: [point] }, services)).toMatchObject({
      succeeded: false,
      results: [{ standing: 'unverified' }],
      cause: `${point.id}: unverified, restore: AccessDenied: `,
    });
  });
});

describe('removing', () => {
  it('goes on until the copy is gone', async () => {
    const services = given();
    services.fake.set(id, 'modifying');
    services.fake.busy = true;
    await expect(removeCopy.run(item, services)).rejects.toThrow(NotReady);
    services.fake.busy = false;
    await expect(removeCopy.run(item, services)).rejects.toThrow(NotReady);
    expect(await removeCopy.run(item, services)).toEqual({ gone: id });
  });

  it('by the janitor takes only copies of this environment whose time is over, and tells', async () => {
    const services = given();
    const expired = { [EXPIRES_TAG]: new Date(NOW - 1).toISOString() };
    services.fake.set('lifeboat-demo-backup-verify-old', 'available', expired);
    services.fake.set('lifeboat-demo-backup-verify-new', 'available', { [EXPIRES_TAG]: new Date(NOW + 1).toISOString() });
    services.fake.set('lifeboat-demo-backup-verify-odd', 'available', { [EXPIRES_TAG]: 'soon' });
    services.fake.set('lifeboat-demo-backup-verify-other', 'available', { ...expired, 'lifeboat:environment': 'other' });
    services.fake.set('orders-primary', 'available', expired);
    expect(await sweepCopies.run({}, services)).toEqual({ swept: { 'lifeboat-demo-backup-verify-old': 'asked' } });
    expect(services.told).toEqual(['1 restored copies were left behind and are removed']);
  });
});

describe('choosing', () => {
  const execution = { name: 'by-hand', startedAt: '2026-11-20T12:00:00Z' };

  it('takes of each database the newest point that has a copy here and is not proven here', async () => {
    const services = given();
    await record(services);
    expect((await readVerificationRequest.run({ execution, given: {} }, services)).points).toEqual([point]);
    await services.points.note(point, { standing: 'verified', ...provenIn('primary', point.dueAt) });
    expect((await readVerificationRequest.run({ execution, given: {} }, services)).points).toEqual([point]);
    await services.points.note(point, { standing: 'verified', ...provenIn('recovery', point.dueAt) });
    expect((await readVerificationRequest.run({ execution, given: {} }, services)).points).toEqual([]);
    expect((await readVerificationRequest.run({ execution, given: { recoveryPoint: point.id } }, services)).points).toEqual([point]);
  });

  it('refuses what it does not know, with the field named', async () => {
    const services = given();
    await expect(readVerificationRequest.run({ execution, given: { workloads: ['x'] } }, services)).rejects.toThrow(
      /^workloads: x unknown/,
    );
    await expect(readVerificationRequest.run({ execution, given: { database: 'odrers' } }, services)).rejects.toThrow(
      'database: odrers has no backup policy here; of orders have one: orders',
    );
    await expect(readVerificationRequest.run({ execution, given: { recoveryPoint: 'x' } }, services)).rejects.toThrow(InvalidRequest);
    await expect(readVerificationRequest.run({ execution, given: { extra: 1 } }, services)).rejects.toThrow(InvalidRequest);
  });
});
