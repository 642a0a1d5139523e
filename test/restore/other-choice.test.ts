import { describe, expect, it } from 'vitest';
import { InvalidRequest, NotReady } from '../../lambdas/kit/errors.ts';
import { RecoveryPoints, type Standing } from '../../lambdas/kit/recovery-points.ts';
import { abortRestore } from '../../lambdas/restore/abort-restore.ts';
import { claimWorkload } from '../../lambdas/restore/claim-workload.ts';
import { readRestoreRequest } from '../../lambdas/restore/read-restore-request.ts';
import type { RestoreIncident } from '../../lambdas/restore/replacement.ts';
import { restoreDatabase } from '../../lambdas/restore/restore-database.ts';
import { cleanName, type RestoreRequest, restoredName } from '../../lambdas/restore/restoring.ts';
import { stopWrites } from '../../lambdas/restore/stop-writes.ts';
import { NOW } from '../kit/services.ts';
import { IDENTIFIER, MemoryRegion, requestOf, settings } from './region.ts';

const first = requestOf({ placement: 'cleanRoom' });
const ago = (hours: number): string => new Date(NOW - hours * 3_600_000).toISOString();

const servicesOf = (region: MemoryRegion) => ({
  ...region.base,
  instances: region.instances,
  backups: region.backups,
  snapshots: region.snapshots,
  points: new RecoveryPoints(region.base.ledger),
  runSeconds: 60,
  hasEnded: async (execution: string) => region.ended.has(execution),
  tell: async (subject: string, facts: object) => void region.told.push(`${subject} ${JSON.stringify(facts)}`),
  save: async () => 's3://record',
});

const addPoint = async (region: MemoryRegion, id: string, hours: number, standing: Standing = 'verified'): Promise<void> => {
  const { points } = servicesOf(region);
  const dueAt = ago(hours);
  const copy = { site: 'primary' as const, region: 'us-east-1', arn: id, completedAt: dueAt, encrypted: true };
  const engine = { engine: 'postgres', engineVersion: '18.4', allocatedGb: 20 };
  const point = { id, workload: 'orders', database: 'orders', tier: 'daily', dueAt, reachesTo: dueAt, instance: 'i', ...engine };
  await points.record({ ...point, copies: [copy] });
  await points.note(point, { standing });
};

/** A run that has restored point-1, and was refused by the person who looked into it. */
const refused = async (over: Partial<RestoreRequest> = {}): Promise<MemoryRegion> => {
  const region = new MemoryRegion();
  const run = { workload: 'orders', request: { ...first, ...over } };
  await claimWorkload.run(run, servicesOf(region));
  await expect(stopWrites.run(run, servicesOf(region))).rejects.toThrow(NotReady);
  region.guard();
  await stopWrites.run(run, servicesOf(region));
  region.set(restoredName(region.base.plan, run.request), { tags: { 'lifeboat:run': 'run-1' } });
  for (const [id, hours, standing] of [
    ['point-1', 5],
    ['point-2', 9],
    ['point-3', 11, 'unverified'],
  ] as const)
    await addPoint(region, id, hours, standing);
  region.ended.add('run-1');
  return region;
};
const goOn = async (region: MemoryRegion, given: object = {}, execution = 'run-2') => {
  const asked = { execution: { name: execution, startedAt: ago(0) }, given: { workload: 'orders', incident: 'run-1', ...given } };
  return (await readRestoreRequest.run(asked, servicesOf(region))).request;
};
const claim = (region: MemoryRegion, request: RestoreRequest) => claimWorkload.run({ workload: 'orders', request }, servicesOf(region));
const incidentOf = async (region: MemoryRegion) => (await region.base.incidents.find('run-1', 'orders')) as RestoreIncident;
const approve = (region: MemoryRegion) => {
  const answer = { verdict: 'approved' as const, by: 'p', via: 'command' as const, at: ago(1), reason: 'clean' };
  return region.base.incidents.note('run-1', 'orders', { approval: { askedAt: ago(2), expiresAt: ago(0), because: 'b', answer } });
};

describe('a clean room whose recovery point is no good', () => {
  it.each([
    [{ before: ago(6) }, 'data can only be older than'],
    [{ recoveryPoint: 'point-2' }, 'named'],
  ])('is gone on with from %j, under its claim, and takes nothing of what was restored for the new one', async (target, why) => {
    const region = await refused();
    const request = await goOn(region, { target });
    expect(request).toMatchObject({ incident: 'run-1', execution: 'run-2', placement: 'cleanRoom', lostSeconds: 9 * 3_600 });
    expect([request.point.id, request.why]).toEqual(['point-2', expect.stringContaining(why)]);
    expect(await claim(region, request)).toMatchObject({ resumesAt: 'start' });
    await claim(region, request); // tried again
    expect(await incidentOf(region)).toMatchObject({
      request: { point: { id: 'point-2' } },
      givenUp: [{ point: 'point-1', why: 'why', at: ago(0) }],
    });
    expect(region.base.memory.current!.claim).toMatchObject({ execution: 'run-2', committed: true });
    await expect(restoreDatabase.run({ workload: 'orders', request }, servicesOf(region))).rejects.toThrow('is being restored');
    const { plan } = region.base;
    expect(region.calls).toEqual([`restore ${restoredName(plan, request)}`]);
    expect(cleanName(plan, request)).not.toBe(cleanName(plan, first));
    expect(region.known.has(restoredName(plan, first))).toBe(true);
    expect((await goOn(region, {}, 'run-3')).point.id).toBe('point-2');
  });

  it('takes the settings of the point that it goes on with: those of the first may be what an intruder set', async () => {
    const region = await refused();
    const { points } = servicesOf(region);
    const point = (await points.list('orders', 'orders')).find(({ id }) => id === 'point-2')!;
    await points.note(point, { instance: IDENTIFIER, settings: { ...settings, PubliclyAccessible: false } });
    region.set(IDENTIFIER, { settings: { ...settings, PubliclyAccessible: true } });
    await region.base.incidents.note('run-1', 'orders', {
      before: { settings, tags: {}, host: 'h', found: true, notTaken: [] },
    } as Partial<RestoreIncident>);
    await claim(region, await goOn(region, { target: { recoveryPoint: 'point-2' } }));
    expect((await incidentOf(region)).before).toMatchObject({
      settings: { PubliclyAccessible: false },
      notTaken: ['PubliclyAccessible'],
      host: 'h',
      found: true,
    });
  });

  it('tells the way on when its run ends', async () => {
    const region = await refused();
    const failure = { Error: 'ApprovalRefused', Cause: 'rows of the intruder' };
    const { cause } = await abortRestore.run({ workload: 'orders', request: first, failure }, servicesOf(region));
    expect(cause).toMatch(
      /^interrupted: ApprovalRefused: rows of the intruder; .*incident: 'run-1', and where point-1 is no good with another/,
    );
    await approve(region);
    const after = await abortRestore.run({ workload: 'orders', request: first, failure }, servicesOf(region));
    expect(after.cause).not.toContain('no good');
  });

  it('takes nothing that is not proven, or that the machine would choose by itself', async () => {
    const region = await refused();
    for (const target of [{ recoveryPoint: 'point-3' }, { before: ago(10) }, 'latest', 'latestVerified', { at: ago(6) }])
      await expect(goOn(region, { target })).rejects.toThrow(/^target: /);
    await expect(goOn(region, { target: { before: ago(-1) } })).rejects.toThrow(/^target\.before: /);
  });
});

describe('the recovery point of a restore', () => {
  const other = { target: { recoveryPoint: 'point-2' } };

  it('stays, once a person has approved it: the logins of both sites may be those of it', async () => {
    const region = await refused();
    const request = await goOn(region, other);
    await approve(region);
    await expect(goOn(region, other)).rejects.toThrow("target: 'point-1' stays chosen: the clean room with it was approved");
    // Read before it was approved, claimed after.
    await expect(claim(region, request)).rejects.toThrow(InvalidRequest);
    expect(await incidentOf(region)).toMatchObject({ request: { point: { id: 'point-1' } } });
    region.ended.add('run-2');
    const same = await goOn(region, {}, 'run-3');
    await claim(region, same);
    // Asked once more, about the same one.
    await region.base.incidents.note('run-1', 'orders', { approval: { askedAt: ago(0), expiresAt: ago(-1), because: 'b' } });
    await expect(goOn(region, other)).rejects.toThrow('was approved');
  });

  it('stays past the point of no return, and where it is no clean room', async () => {
    const region = await refused();
    await region.base.incidents.note('run-1', 'orders', { committedAt: ago(0) });
    await expect(goOn(region, other)).rejects.toThrow('was approved');
    await expect(goOn(await refused({ placement: 'inPlace' }), other)).rejects.toThrow('only a clean room goes on with another one');
  });
});

describe('an incident that is gone on with', () => {
  it('takes that unknown checks are accepted, and why, and keeps both', async () => {
    const region = await refused();
    const request = await goOn(region, { acceptUnknown: true, reason: 'no heartbeat was recorded then' });
    expect(request).toEqual({ ...first, execution: 'run-2', acceptUnknown: true, reason: 'no heartbeat was recorded then' });
    await claim(region, request);
    expect(await goOn(region, {}, 'run-3')).toMatchObject({ acceptUnknown: true, reason: 'no heartbeat was recorded then' });
  });

  it.each([{ placement: 'beside' }, { database: 'other' }, { detectedAt: ago(1) }])('refuses to be another one: %j', async (given) => {
    await expect(goOn(await refused(), given)).rejects.toThrow(new RegExp(`^${Object.keys(given)[0]}: was chosen when 'run-1' began`));
  });
});
