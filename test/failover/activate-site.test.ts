import { describe, expect, it } from 'vitest';
import { fenceWriter } from '../../lambdas/failover/fence-writer.ts';
import { promoteDatabase } from '../../lambdas/failover/promote-database.ts';
import { scaleCompute } from '../../lambdas/failover/scale-compute.ts';
import { takeLease } from '../../lambdas/failover/take-lease.ts';
import { ClockWatch } from '../../lambdas/kit/clock.ts';
import { ClockSkewed, DatabaseUnrecoverable, LeaseLost, NotReady } from '../../lambdas/kit/errors.ts';
import { Fences } from '../../lambdas/kit/fences.ts';
import type { FenceProof, Lease } from '../../lambdas/kit/lease.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import { baseFor, databaseOf, leaseOf, MemoryPledges, NOW, request } from '../kit/services.ts';

const claim: Lease['claim'] = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode: 'failover', expiresAt: NOW + 60_000 };
const fence: FenceProof = { site: 'primary', epoch: 3, at: NOW - 500, finalLsn: { orders: '0/200' } };
const input = (over = {}) => ({ workload: 'orders', request: request(over) });

describe('fence-writer', () => {
  it('writes down before the take what the old site still has to fence, once', async () => {
    const services = { ...baseFor(leaseOf({ claim })), databasesFor: () => [databaseOf()] };
    expect(await runStep(fenceWriter, input(), services)).toMatchObject({ outcome: 'unreachable' });
    const fences = new Fences(services.ledger);
    const [pending] = await fences.all('orders');
    expect(pending).toMatchObject({ site: 'primary', database: 'orders', epoch: 3, incident: 'run-1', state: 'pending' });
    // A try that comes late does not undo what became of it.
    await fences.settle(pending!, { state: 'fenced' });
    await runStep(fenceWriter, input(), services);
    expect(await fences.all('orders')).toHaveLength(1);
    expect(await fences.pending('orders')).toEqual([]);
  });

  it.each([
    ['fenced', { fence: 'fenced', fencedAt: 'then', fenceProof: { orders: 'a write was refused' } }],
    ['overridden', { fence: 'overridden' }],
    ['withdrawn', { fence: 'unreachable' }],
  ] as const)('says in its own incident what a run before it asked for, and is %s', async (state, noted) => {
    const services = { ...baseFor(leaseOf({ claim, holder: 'recovery', epoch: 4 })), databasesFor: () => [databaseOf()] };
    const before = { workload: 'orders', database: 'orders', site: 'primary', epoch: 3, incident: 'run-0', since: 'before' } as const;
    await new Fences(services.ledger).demand({ ...before, state, settledAt: 'then', proof: 'a write was refused' });
    await runStep(fenceWriter, input(), services);
    expect(await services.incidents.find('run-1', 'orders')).toMatchObject(noted);
    expect(await new Fences(services.ledger).pending('orders')).toHaveLength(state === 'withdrawn' ? 1 : 0);
  });

  it('demands nothing where the old writer has let go, nor in a dry run', async () => {
    for (const [lease, over] of [
      [leaseOf({ claim, released: true, fence }), {}],
      [leaseOf({ claim }), { dryRun: true }],
    ] as const) {
      const services = { ...baseFor(lease), databasesFor: () => [databaseOf()] };
      await runStep(fenceWriter, input(over), services);
      expect(await new Fences(services.ledger).all('orders')).toEqual([]);
    }
  });

  const run = (lease: Lease, over = {}, database = databaseOf()) =>
    runStep(fenceWriter, input(over), { ...baseFor(lease), databasesFor: () => [database] });

  it('reports unreachable in a failover when the holder has said nothing, and goes on', async () => {
    expect(await run(leaseOf({ claim }))).toMatchObject({ outcome: 'unreachable' });
    expect(await run(leaseOf({ claim, released: true, fence }))).toMatchObject({ outcome: 'fenced' });
  });

  it('does not believe the proof of an earlier move', async () => {
    expect(await run(leaseOf({ claim, released: true, fence: { ...fence, epoch: 1 } }))).toMatchObject({ outcome: 'unreachable' });
  });

  it('waits in a switchover until the holder has let go and everything is replayed', async () => {
    const switchover = { mode: 'switchover' as const };
    await expect(run(leaseOf({ claim }), switchover)).rejects.toBeInstanceOf(NotReady);
    const released = leaseOf({ claim, released: true, fence });
    await expect(run(released, switchover, databaseOf({ hasReplayed: async () => false }))).rejects.toBeInstanceOf(NotReady);
    expect(await run(released, switchover)).toMatchObject({ outcome: 'fenced', writesStoppedAt: new Date(NOW - 500).toISOString() });
  });

  it('never takes a last word that nobody knows for replayed: a planned move waits for it, a failover goes on', async () => {
    const unknown = leaseOf({ claim, released: true, fence: { ...fence, finalLsn: {} } });
    const planned = run(unknown, { mode: 'switchover' });
    await expect(planned).rejects.toBeInstanceOf(NotReady);
    await expect(planned).rejects.toThrow("nobody knows the last log position of 'orders'");
    expect(await run(unknown)).toMatchObject({ outcome: 'fenced' });
    // The guard asks its fenced writer each round, and releases anew with what it read.
    expect(await run({ ...unknown, fence }, { mode: 'switchover' })).toMatchObject({ outcome: 'fenced' });
  });

  it('says in its claim that it acts from now on, once', async () => {
    const base = baseFor(leaseOf({ claim }));
    const services = { ...base, databasesFor: () => [databaseOf()] };
    await runStep(fenceWriter, input(), services);
    await runStep(fenceWriter, input(), services);
    expect(base.memory.current?.claim?.acting).toBe(true);
    expect(base.memory.writes.filter((write) => write === 'claim')).toHaveLength(1);
  });

  it('takes a writer of an older epoch for no replayed standby', async () => {
    const old = databaseOf({ standby: async () => ({ inRecovery: false, replayLsn: '0/1' }) });
    await expect(run(leaseOf({ claim, released: true, fence }), { mode: 'switchover' }, old)).rejects.toBeInstanceOf(NotReady);
  });

  it('stops when the claim is no longer ours', async () => {
    await expect(run(leaseOf())).rejects.toBeInstanceOf(LeaseLost);
    await expect(run(leaseOf({ claim: { ...claim, incident: 'other' } }))).rejects.toBeInstanceOf(LeaseLost);
  });
});

describe('take-lease', () => {
  /** A clock that is wrong by so much, known to a few milliseconds. */
  const clockOf = (errorMs: number) => {
    const clock = new ClockWatch();
    for (const date of [NOW - 999, NOW]) clock.note({ askedAt: NOW + errorMs, answeredAt: NOW + errorMs + 1, date });
    return clock;
  };
  const run = (lease: Lease | undefined, over = {}, pledges = new MemoryPledges(), clock = clockOf(0)) => {
    const base = { ...baseFor(lease), pledges, clock };
    return { base, result: runStep(takeLease, input(over), base) };
  };
  /** What the old holder was promised, and lasts for so many milliseconds more, the clock bound included. */
  const pledged = (forMs: number) => new MemoryPledges({ site: 'primary', epoch: 3, until: NOW + forMs - 1_000 });

  it('waits while the holder may still write, the clock bound included', async () => {
    await expect(run(leaseOf({ claim, expiresAt: NOW + 1 })).result).rejects.toBeInstanceOf(NotReady);
    await expect(run(leaseOf({ claim, expiresAt: NOW - 999 })).result).rejects.toBeInstanceOf(NotReady);
  });

  it('takes under the next epoch after expiry or release', async () => {
    expect(await run(leaseOf({ claim, expiresAt: NOW - 1001 })).result).toEqual({ epoch: 4 });
    const { base, result } = run(leaseOf({ claim, released: true }));
    expect(await result).toEqual({ epoch: 4 });
    expect(base.memory.current).toMatchObject({ holder: 'recovery', epoch: 4, serving: 'primary' });
  });

  it('tells the incident which epoch it replaced, also where the holder had taken its lease anew since it was opened', async () => {
    const { base, result } = run(leaseOf({ claim, epoch: 4, expiresAt: NOW - 1001 }));
    await result;
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ epoch: 4, takenEpoch: 5 });
  });

  it('tells the incident once: by the try after one that died with its take, and by no later one', async () => {
    const { base, result } = run(leaseOf({ claim, holder: 'recovery', epoch: 4 }));
    await result;
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ epoch: 3, takenEpoch: 4 });
    base.memory.current = leaseOf({ claim, holder: 'recovery', epoch: 6 });
    await runStep(takeLease, input(), base);
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ epoch: 3, takenEpoch: 4 });
  });

  it('is done when it has been taken before, lost when the claim is gone', async () => {
    expect(await run(leaseOf({ claim, holder: 'recovery', epoch: 4 })).result).toEqual({ epoch: 4 });
    await expect(run(leaseOf({ released: true })).result).rejects.toBeInstanceOf(LeaseLost);
    await expect(run(undefined).result).rejects.toBeInstanceOf(LeaseLost);
  });

  it('waits while the holder has our pledge, and lets it ask for no other', async () => {
    const { base, result } = run(leaseOf({ claim, expiresAt: NOW - 1001 }), {}, pledged(0));
    await expect(result).rejects.toBeInstanceOf(NotReady);
    await expect(result).rejects.toThrow("site 'primary' has our pledge");
    expect(base.memory.current?.holder).toBe('primary');
    const again = { site: 'primary' as const, epoch: 3, now: NOW + 20_999, until: NOW + 41_000 };
    expect(await base.pledges.ask('orders', again)).toBe(false);
    // A run that died blocks pledging no longer than a lease and the clock bound last.
    expect(await base.pledges.ask('orders', { ...again, now: NOW + 21_001 })).toBe(true);
  });

  it('suspends pledging while it waits for the lease, so that both times run out together', async () => {
    const { base, result } = run(leaseOf({ claim, expiresAt: NOW + 1 }));
    await expect(result).rejects.toBeInstanceOf(NotReady);
    expect(base.pledges.done).toEqual(['suspend']);
  });

  it('closes the epoch that it has taken for good, and ends well only when no pledge lives', async () => {
    const { base, result } = run(leaseOf({ claim, expiresAt: NOW - 1001 }), {}, pledged(-1));
    expect(await result).toEqual({ epoch: 4 });
    expect(base.pledges.done).toEqual(['suspend', 'close 3']);
    expect(await base.pledges.ask('orders', { site: 'primary', epoch: 3, now: NOW + 1e9, until: NOW + 1e9 })).toBe(false);
    // One that slipped in between: taken, and not yet to be promoted. The next try finds it too.
    const between = pledged(-1);
    between.close = async () => pledged(5_000).current;
    const late = run(leaseOf({ claim, expiresAt: NOW - 1001 }), {}, between);
    await expect(late.result).rejects.toBeInstanceOf(NotReady);
    expect(late.base.memory.current).toMatchObject({ holder: 'recovery', epoch: 4 });
    const held = run(leaseOf({ claim, holder: 'recovery', epoch: 4 }), {}, pledged(5_000));
    await expect(held.result).rejects.toBeInstanceOf(NotReady);
    expect(held.base.pledges.done).toEqual(['close 3']);
  });

  it('takes nothing by a clock that is wrong by more than half of what two sites may differ', async () => {
    const expired = leaseOf({ claim, expiresAt: NOW - 1001 });
    const { base, result } = run(expired, {}, undefined, clockOf(510));
    await expect(result).rejects.toBeInstanceOf(ClockSkewed);
    await expect(result).rejects.toThrow('wrong by 509 to 511 ms; half of maxClockSkewSeconds is 500 ms');
    expect(base.memory.writes).not.toContain('take');
    expect(await run(expired, {}, undefined, clockOf(490)).result).toEqual({ epoch: 4 });
  });

  it('takes by a clock that nobody could judge', async () => {
    expect(await run(leaseOf({ claim, released: true }), {}, undefined, new ClockWatch()).result).toEqual({ epoch: 4 });
  });

  it('only says what it would do in a dry run', async () => {
    const { base, result } = run(leaseOf({ released: true }), { dryRun: true });
    expect(await result).toHaveProperty('would');
    expect([...base.memory.writes, ...base.pledges.done]).toEqual([]);
  });
});

describe('promote-database', () => {
  const held = leaseOf({ holder: 'recovery', epoch: 4 });
  const run = (lease: Lease, databases: DatabaseAdapter[]) =>
    runStep(promoteDatabase, input(), { ...baseFor(lease), databasesFor: () => databases });
  const failing = (error: Error) => databaseOf({ promote: async () => Promise.reject(error) });

  it('promotes nothing without the lease', async () => {
    let promoted = false;
    const database = databaseOf({
      promote: async () => {
        promoted = true;
        return { writableAt: '' };
      },
    });
    await expect(run(leaseOf({ claim }), [database])).rejects.toBeInstanceOf(LeaseLost);
    expect(promoted).toBe(false);
  });

  it('is done when every database accepts writes; a terminal state outranks not yet', async () => {
    expect(await run(held, [databaseOf()])).toEqual({ databases: ['orders'] });
    await expect(run(held, [failing(new NotReady('rebooting'))])).rejects.toBeInstanceOf(NotReady);
    await expect(
      run(held, [failing(new NotReady('rebooting')), failing(new DatabaseUnrecoverable('storage-full'))]),
    ).rejects.toBeInstanceOf(DatabaseUnrecoverable);
  });
});

describe('scale-compute', () => {
  const run = (reading: { desired: number; ready: number }, over = {}) => {
    const scaledTo: number[] = [];
    const adapter = {
      name: 'orders',
      read: async () => reading,
      scale: async (to: number) => {
        scaledTo.push(to);
      },
    };
    const base = baseFor(leaseOf());
    const config = base.plan.workloads[0]!.compute[0]!;
    return { scaledTo, result: runStep(scaleCompute, input(over), { ...base, computeFor: () => [{ adapter, config }] }) };
  };

  it('scales up and waits until all tasks run', async () => {
    const { scaledTo, result } = run({ desired: 0, ready: 0 });
    await expect(result).rejects.toBeInstanceOf(NotReady);
    expect(scaledTo).toEqual([2]);
  });

  it('does not scale twice, and never down', async () => {
    const { scaledTo, result } = run({ desired: 5, ready: 5 });
    await result;
    expect(scaledTo).toEqual([]);
  });

  it('changes nothing in a dry run', async () => {
    const { scaledTo, result } = run({ desired: 0, ready: 0 }, { dryRun: true });
    expect(await result).toHaveProperty('would');
    expect(scaledTo).toEqual([]);
  });
});
