import { describe, expect, it } from 'vitest';
import { CopyUnusable, IncidentInProgress, InvalidRequest, LeaseLost, NotReady } from '../../lambdas/kit/errors.ts';
import { abortRestore } from '../../lambdas/restore/abort-restore.ts';
import { claimWorkload } from '../../lambdas/restore/claim-workload.ts';
import { closeCopy, requireGood } from '../../lambdas/restore/close-copy.ts';
import { handOver } from '../../lambdas/restore/hand-over.ts';
import { putInPlace } from '../../lambdas/restore/put-in-place.ts';
import { putSettingsBack } from '../../lambdas/restore/put-settings-back.ts';
import type { RestoreIncident } from '../../lambdas/restore/replacement.ts';
import { restoreDatabase } from '../../lambdas/restore/restore-database.ts';
import { beforeName, type RestoreRequest, replacedName, restoredName } from '../../lambdas/restore/restoring.ts';
import { setOldAside } from '../../lambdas/restore/set-old-aside.ts';
import { snapshotCurrent } from '../../lambdas/restore/snapshot-current.ts';
import { stopWrites } from '../../lambdas/restore/stop-writes.ts';
import { sweepRestores } from '../../lambdas/restore/sweep-restores.ts';
import { verifyWrites } from '../../lambdas/restore/verify-writes.ts';
import { NOW } from '../kit/services.ts';
import { IDENTIFIER, MemoryRegion, requestOf, settings } from './region.ts';

const passed = { reachesTo: new Date(NOW - 90_000).toISOString(), checks: [{ check: 'heap', verdict: 'passed' as const }], settings: [] };
/** Calls of steps after which the restored instance is there and nothing was replaced; and after which the old one has its other name. */
const BEFORE = 9;
const HALF_WAY = 12;
const aside = replacedName(IDENTIFIER, requestOf());

/** Everything that the steps are given, over one region in memory. */
const servicesOf = (region: MemoryRegion) => ({
  ...region.base,
  instances: region.instances,
  snapshots: region.snapshots,
  backups: region.backups,
  runSeconds: 3_600,
  hasEnded: async (execution: string) => region.ended.has(execution),
  tell: async (subject: string) => void region.told.push(subject),
  save: async () => 's3://record',
  post: async () => ({ kind: 'answered' as const, status: region.writers.has(IDENTIFIER) ? 200 : 503, milliseconds: 1 }),
  connect: () => {
    // No role can log in, and there are no sessions.
    const rowsFor = (sql: string) => (sql.includes('rolcanlogin') ? [] : [{ n: 0, lsn: '0/1', installed: false }]);
    const client = { query: async (sql: string) => ({ rows: rowsFor(sql), rowCount: 0 }) };
    return { with: (work: (client: never) => unknown) => work(client as never) } as never;
  },
});

type Services = ReturnType<typeof servicesOf>;
type Run = (request: RestoreRequest, services: Services) => Promise<unknown>;

/** The machine's order for a restore in place. */
const order: [name: string, run: Run][] = [
  ['claim', (request, services) => claimWorkload.run({ workload: 'orders', request }, services)],
  ['stop', (request, services) => stopWrites.run({ workload: 'orders', request }, services)],
  ['snapshot', (request, services) => snapshotCurrent.run({ workload: 'orders', request }, services)],
  ['restore', (request, services) => restoreDatabase.run({ workload: 'orders', request }, services)],
  ['settings', (request, services) => putSettingsBack.run({ workload: 'orders', request }, services)],
  ['close', (request, services) => closeCopy.run({ workload: 'orders', request, inspected: passed }, services)],
  ['aside', (request, services) => setOldAside.run({ workload: 'orders', request }, services)],
  ['place', (request, services) => putInPlace.run({ workload: 'orders', request }, services)],
  ['hand over', (request, services) => handOver.run({ workload: 'orders', request }, services)],
  ['verify', (request, services) => verifyWrites.run({ workload: 'orders', request }, services)],
];

/** Runs steps as the machine does, the guard's rounds in between, so many calls at most: then the run is killed. */
const drive = async (region: MemoryRegion, request: RestoreRequest, calls = Number.POSITIVE_INFINITY): Promise<Record<string, unknown>> => {
  const outputs: Record<string, unknown> = {};
  let left = calls;
  for (const [name, run] of order) {
    for (let tries = 0; ; tries++) {
      if (left-- <= 0) return outputs;
      region.stepCalls++;
      try {
        outputs[name] = await run(request, servicesOf(region));
        break;
      } catch (error) {
        if (!(error instanceof NotReady) || tries > 10) throw error;
      } finally {
        region.guard();
      }
    }
    if (name === 'claim' && (outputs.claim as { resumesAt: string }).resumesAt === 'verification')
      return { ...outputs, ...(await verify(region, request)) };
  }
  return outputs;
};
const verify = async (region: MemoryRegion, request: RestoreRequest) => ({
  verify: await verifyWrites.run({ workload: 'orders', request }, servicesOf(region)),
});
const incident = async (region: MemoryRegion) => (await region.base.incidents.find('run-1', 'orders')) as RestoreIncident;

describe('a restore in place', () => {
  it('keeps what was there, stands under its name with its settings, and is opened by the guard under a later epoch', async () => {
    const region = new MemoryRegion();
    const outputs = await drive(region, requestOf());
    const name = restoredName(region.base.plan, requestOf());
    expect(region.calls).toEqual([
      `snapshot ${beforeName(region.base.plan, requestOf())}`,
      `restore ${name}`,
      `tag ${name} team`,
      `modify ${name} BackupRetentionPeriod,MonitoringInterval,MonitoringRoleArn`,
      `rename ${IDENTIFIER} ${aside}`,
      `tag ${aside} lifeboat:environment,lifeboat:incident,lifeboat:keep-until`,
      `rename ${name} ${IDENTIFIER}`,
    ]);
    expect(outputs.place).toEqual({ endpoint: `${IDENTIFIER}.host`, sameEndpoint: true, settings: [] });
    expect(region.base.memory.current).toMatchObject({ holder: 'primary', epoch: 4, released: false, movedAt: NOW });
    expect(region.base.memory.current!.claim).toBeUndefined();
    expect([...region.writers]).toEqual([IDENTIFIER]);
    expect(await incident(region)).toMatchObject({ mode: 'restore', lag: { seconds: 90 }, before: { settings } });
  });

  it('stopped after any call and started again on its incident ends the same way, and does nothing twice', async () => {
    const whole = new MemoryRegion();
    await drive(whole, requestOf());
    expect(whole.stepCalls).toBeGreaterThan(order.length);
    for (let calls = 1; calls < whole.stepCalls; calls++) {
      const region = new MemoryRegion();
      await drive(region, requestOf(), calls);
      region.ended.add('run-1');
      await drive(region, requestOf({ execution: 'run-2' }));
      expect(region.calls, `stopped after ${calls} calls`).toEqual(whole.calls);
      expect([...region.writers]).toEqual([IDENTIFIER]);
      expect(region.base.memory.current!.claim).toBeUndefined();
    }
  });

  it('writes nothing in a dry run', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf({ dryRun: true }));
    expect([region.calls, region.base.memory.writes]).toEqual([[], []]);
  });

  it('of a database that is gone takes its settings from what the recovery point knows', async () => {
    const region = new MemoryRegion();
    region.known.clear();
    await region.base.ledger.put({
      pk: 'recovery-point#orders#orders',
      sk: `${requestOf().point.dueAt}#point-1`,
      instance: IDENTIFIER,
      settings,
      instanceTags: { team: 'orders' },
    });
    const outputs = await drive(region, requestOf());
    expect(outputs.snapshot).toMatchObject({ snapshot: null });
    expect(outputs.aside).toEqual({ kept: null });
    expect(region.known.get(IDENTIFIER)).toMatchObject({ settings, tags: { team: 'orders' } });
  });
});

describe('the claim', () => {
  const claim = (region: MemoryRegion, over: Partial<RestoreRequest> = {}) =>
    claimWorkload.run({ workload: 'orders', request: requestOf(over) }, servicesOf(region));

  it('is refused during a failover, in a site that is not active, and for an incident that has ended well', async () => {
    const region = new MemoryRegion();
    const lease = region.base.memory.current!;
    lease.claim = { site: 'recovery', incident: 'f', execution: 'f', mode: 'failover', expiresAt: NOW + 1 };
    region.ended.add('f'); // of a machine that this one cannot ask about
    await expect(claim(region)).rejects.toThrow(IncidentInProgress);
    Object.assign(lease, { claim: undefined, holder: 'recovery' });
    await expect(claim(region)).rejects.toThrow(/^placement: /);
    lease.holder = 'primary';
    await claim(region);
    await region.base.incidents.note('run-1', 'orders', { outcome: 'recovered' });
    await expect(claim(region)).rejects.toThrow(InvalidRequest);
  });

  it('of a restore that stands half-way is taken over by its own incident alone', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf(), HALF_WAY);
    expect(region.base.memory.current!.claim).toMatchObject({ committed: true, mode: 'restore' });
    region.ended.add('run-1');
    await expect(claim(region, { incident: 'other', execution: 'other' })).rejects.toThrow("incident: 'run-1'");
  });

  it('of a dead run is dropped before the point of no return, and kept after it', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf(), BEFORE);
    await sweepRestores.run({}, servicesOf(region));
    expect(region.base.memory.current!.claim).toBeDefined(); // it lives
    region.ended.add('run-1');
    expect(await sweepRestores.run({}, servicesOf(region))).toMatchObject({ claims: ['run-1'] });
    region.guard();
    expect(region.base.memory.current).toMatchObject({ released: false, epoch: 4 });
    expect([...region.writers]).toEqual([IDENTIFIER]);

    const half = new MemoryRegion();
    await drive(half, requestOf(), HALF_WAY);
    half.ended.add('run-1');
    expect(await sweepRestores.run({}, servicesOf(half))).toMatchObject({ claims: [] });
    half.guard();
    expect([...half.writers]).toEqual([]);
  });

  it('that is lost ends the run', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf(), 1);
    region.base.memory.current!.claim = undefined;
    await expect(stopWrites.run({ workload: 'orders', request: requestOf() }, servicesOf(region))).rejects.toThrow(LeaseLost);
    await expect(setOldAside.run({ workload: 'orders', request: requestOf() }, servicesOf(region))).rejects.toThrow(LeaseLost);
    expect(region.calls).toEqual([]);
  });
});

describe('a guard that the ledger is silent to', () => {
  /** Claimed, and the lease's time has passed without a word of the guard. */
  const silent = async (heartbeatAt = NOW - 2_000) => {
    const region = new MemoryRegion();
    region.base.memory.current!.heartbeatAt = heartbeatAt;
    await claimWorkload.run({ workload: 'orders', request: requestOf() }, servicesOf(region));
    const { expiresAt } = region.base.memory.current!;
    const stop = (at: number, over: Partial<Services> = {}) =>
      stopWrites.run({ workload: 'orders', request: requestOf() }, { ...servicesOf(region), ...over, now: () => at });
    return { region, expiresAt, stop };
  };
  const standingUntil = (until: number) => (region: MemoryRegion) => {
    region.standing = { epoch: 3, until };
  };
  const pledgedUntil = (until: number) => (region: MemoryRegion) => {
    region.pledges.current = { site: 'primary', epoch: 3, until };
  };
  const UNTIL = NOW + 40_000;

  it.each([
    ['its own standing', standingUntil(UNTIL)],
    ["the other site's pledge", pledgedUntil(UNTIL)],
  ])('has not stopped writing while it may by %s, the clock bound included', async (_, give) => {
    const { region, expiresAt, stop } = await silent();
    give(region);
    await expect(stop(expiresAt + 1_001)).rejects.toThrow(NotReady);
    await expect(stop(UNTIL + 1_000)).rejects.toThrow('may write without the ledger until');
    expect(await stop(UNTIL + 1_001)).toEqual({ writesStoppedAt: new Date(UNTIL).toISOString() });
  });

  it('is promised nothing more once the time of its lease has passed, and before that whatever it asks for', async () => {
    const { region, expiresAt, stop } = await silent();
    const ask = (now: number) => region.pledges.ask('orders', { site: 'primary', epoch: 3, now, until: now + 20_000 });
    await expect(stop(expiresAt)).rejects.toThrow('has not let go yet');
    expect(await ask(expiresAt)).toBe(true);
    await expect(stop(expiresAt + 1_001)).rejects.toThrow(NotReady);
    expect(await ask(expiresAt + 1_002)).toBe(false);
    const { expiresAt: until } = region.base.memory.current!.claim!;
    expect([await ask(until), await ask(until + 1)]).toEqual([false, true]);
  });

  it('has stopped by its own word where the other site does not answer', async () => {
    const { region, expiresAt, stop } = await silent();
    standingUntil(UNTIL)(region);
    const pledges = { suspend: () => Promise.reject(new Error('no answer')) } as never;
    await expect(stop(expiresAt + 1_001, { pledges })).rejects.toThrow(NotReady);
    expect(await stop(UNTIL + 1_001, { pledges })).toEqual({ writesStoppedAt: new Date(UNTIL).toISOString() });
  });

  const lagOf = async (region: MemoryRegion) => {
    const { incidents } = region.base;
    const name = restoredName(region.base.plan, requestOf());
    region.set(name);
    await closeCopy.run({ workload: 'orders', request: requestOf(), inspected: passed }, servicesOf(region));
    return (await incidents.find('run-1', 'orders'))!.lag;
  };

  it('has what it wrote until then counted as lost, though no heartbeat of it is known', async () => {
    const { region, stop } = await silent();
    pledgedUntil(UNTIL)(region);
    await stop(UNTIL + 1_001);
    expect(await lagOf(region)).toEqual({ kind: 'known', seconds: 130 });
  });

  it('has that counted too where it lets go in the end, and no more than until it did', async () => {
    const { region, stop } = await silent();
    standingUntil(UNTIL)(region);
    await expect(stop(NOW)).rejects.toThrow(NotReady);
    const at = NOW + 35_000;
    Object.assign(region.base.memory.current!, { released: true, fence: { site: 'primary', epoch: 3, at, finalLsn: {} } });
    await stop(at + 1);
    expect(await lagOf(region)).toEqual({ kind: 'known', seconds: 125 });
  });

  it('has nothing counted that it did not write: its last heartbeat is the last of a database that died', async () => {
    const { region, stop } = await silent(NOW - 30_000);
    standingUntil(NOW - 45_000)(region);
    await stop(UNTIL);
    expect(await lagOf(region)).toEqual({ kind: 'known', seconds: 60 });
  });
});

describe('the end of a run that failed', () => {
  const abort = (region: MemoryRegion) =>
    abortRestore.run(
      { workload: 'orders', request: requestOf(), failure: { Error: 'CopyUnusable', Cause: '{"errorMessage":"heap"}' } },
      servicesOf(region),
    );

  it('before the point of no return gives the old database back', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf(), BEFORE);
    expect(await abort(region)).toMatchObject({ outcome: 'aborted', detail: 'CopyUnusable: heap' });
    region.guard();
    expect([...region.writers]).toEqual([IDENTIFIER]);
    expect(region.calls.filter((call) => call.startsWith('rename'))).toEqual([]);
  });

  it('after it leaves everything closed for its incident', async () => {
    const region = new MemoryRegion();
    await drive(region, requestOf(), HALF_WAY);
    expect(await abort(region)).toMatchObject({ outcome: 'interrupted' });
    expect(region.base.memory.current!.claim).toBeDefined();
    expect(region.told).toEqual(['orders: restore interrupted']);
  });
});

describe('what is not good', () => {
  it.each([
    [{ ...passed, checks: [{ check: 'heap', verdict: 'failed' as const }] }, true, 'heap'],
    [{ ...passed, checks: [{ check: 'contents', verdict: 'unknown' as const }] }, false, 'contents'],
    [{ ...passed, settings: ['MultiAZ'] }, false, 'MultiAZ'],
    [{ ...passed, checks: [] }, true, 'nothing was checked'],
  ])('is not put in place: %j', (found, acceptUnknown, named) => {
    expect(() => requireGood(found, acceptUnknown)).toThrow(CopyUnusable);
    expect(() => requireGood(found, acceptUnknown)).toThrow(named);
  });

  it('goes further when it is only unknown and a person accepts that', () => {
    const found = { ...passed, checks: [{ check: 'contents', verdict: 'unknown' as const }], settings: ['MultiAZ'] };
    expect(() => requireGood(found, true)).not.toThrow();
  });
});

describe('what was replaced', () => {
  const DAY_MS = 86_400_000;
  const past = new Date(NOW - 1).toISOString();
  const tagsOf = (incident: string) => ({
    'lifeboat:environment': 'demo-backup',
    'lifeboat:incident': incident,
    'lifeboat:keep-until': past,
  });
  const openedBefore = (region: MemoryRegion, incident: string, days: number, over: Partial<RestoreRequest> = {}) =>
    region.base.incidents.note(incident, 'orders', {
      incident,
      workload: 'orders',
      openedAt: new Date(NOW - days * DAY_MS).toISOString(),
      request: requestOf({ incident, ...over }),
    } as Partial<RestoreIncident>);
  const asideBy = (incident: string) => replacedName(IDENTIFIER, { incident });

  it('goes when its days are over, never under hold, never without our tags', async () => {
    const region = new MemoryRegion();
    for (const incident of ['run-1', 'held', 'foreign', 'young']) await openedBefore(region, incident, 15);
    region.set(aside, { tags: tagsOf('run-1'), settings: { ...settings, DeletionProtection: true } });
    region.set(asideBy('held'), { tags: { ...tagsOf('held'), 'lifeboat:hold': 'evidence' } });
    region.set(asideBy('foreign'), { tags: { ...tagsOf('foreign'), 'lifeboat:environment': 'other' } });
    region.set(asideBy('young'), { tags: { ...tagsOf('young'), 'lifeboat:keep-until': new Date(NOW + 1).toISOString() } });
    await sweepRestores.run({}, servicesOf(region));
    await sweepRestores.run({}, servicesOf(region));
    expect(region.calls).toEqual([`modify ${aside} DeletionProtection`, `remove ${aside}`]);
  });

  it('does not go by its tags alone: whoever may only tag has nothing deleted', async () => {
    const region = new MemoryRegion();
    await openedBefore(region, 'young', 13);
    await openedBefore(region, 'old', 15);
    await openedBefore(region, 'evidence', 15, { placement: 'cleanRoom' });
    region.set(asideBy('young'), { tags: tagsOf('young') });
    region.set(`${IDENTIFIER}-old-archive`, { tags: tagsOf('old') });
    region.set(asideBy('unknown'), { tags: tagsOf('unknown') });
    region.set(asideBy('evidence'), { tags: tagsOf('evidence') });
    await region.snapshots.take(IDENTIFIER, 'a-recovery-point', tagsOf('old'));
    region.calls.length = 0;
    await sweepRestores.run({}, servicesOf(region));
    expect(region.calls).toEqual([]);
  });

  it('goes though another cannot be removed, and that is reported in the end', async () => {
    const region = new MemoryRegion();
    const { plan } = region.base;
    for (const incident of ['a', 'b']) await openedBefore(region, incident, 15);
    const snapshotBy = (incident: string) => beforeName(plan, { incident, database: requestOf().database });
    const ids = [asideBy('a'), asideBy('b'), snapshotBy('a'), snapshotBy('b')];
    for (const incident of ['a', 'b']) {
      region.set(asideBy(incident), { tags: tagsOf(incident) });
      await region.snapshots.take(IDENTIFIER, snapshotBy(incident), tagsOf(incident));
    }
    const services = servicesOf(region);
    const refusing = (of: { remove: (id: string) => Promise<unknown> }) => ({
      ...of,
      remove: async (id: string) => {
        if (id === ids[0] || id === ids[2]) throw new Error('denied');
        return of.remove(id);
      },
    });
    const swept = sweepRestores.run(
      {},
      { ...services, instances: refusing(region.instances) as never, snapshots: refusing(region.snapshots) as never },
    );
    await expect(swept).rejects.toThrow(`${ids[0]}: Error: denied; ${ids[2]}: Error: denied`);
    expect(region.calls.filter((call) => call.startsWith('remove'))).toEqual([`remove ${ids[1]}`, `remove ${ids[3]}`]);
    expect(region.told).toHaveLength(2);
  });
});
