import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { Guard } from '../../lambdas/detection/guard.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { Standing } from '../../lambdas/kit/standing.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import { databaseOf, leaseOf, NOW } from '../kit/services.ts';

const claim: Lease['claim'] = {
  site: 'recovery',
  incident: 'run-1',
  execution: 'run-1',
  mode: 'failover',
  expiresAt: NOW + 60_000,
  acting: true,
};

interface Situation {
  lease?: Lease;
  site?: 'primary' | 'recovery';
  database?: Partial<DatabaseAdapter>;
  /** Before that one. */
  first?: Partial<DatabaseAdapter>;
  renewal?: boolean;
  /** The environment's lease settings that differ from the demo's. */
  rules?: Partial<(typeof demo)['lease']>;
  standing?: Standing;
}

const guardOf = (options: Situation) => {
  const done: string[] = [];
  /** What the other site says when it is asked not to take. */
  const clock = { monotonic: 0, reachable: true, pledge: 'no answer' as 'pledged' | 'refused' | 'no answer' };
  let { lease } = options;
  const ask = <T>(name: string, answer: T) => {
    if (!clock.reachable) throw new Error('ledger unreachable');
    done.push(name);
    return answer;
  };
  const database = databaseOf({
    fence: async (epoch, { byNetwork } = { byNetwork: false }) => {
      done.push(`fence${epoch === undefined ? '' : ` epoch ${epoch}`}${byNetwork ? ', if need be by network' : ''}`);
      return { finalLsn: '0/300', endedSessions: 2, proof: 'a write was refused' };
    },
    open: async (epoch, remainingMs) => {
      done.push(`open epoch ${epoch} for ${remainingMs()}`);
      return 'renewed';
    },
    extend: async (epoch, remainingMs) => {
      done.push(`extend epoch ${epoch} for ${remainingMs()}`);
      return 'renewed';
    },
    ...options.database,
  });
  const guard = new Guard(demo.workloads[0]!, {
    plan: { ...demo, lease: { ...demo.lease, ...options.rules } },
    site: options.site ?? 'primary',
    ledger: {
      lease: async () => ask('read', lease),
      createLease: async (made) => {
        lease = made;
        return ask(`create epoch ${made.epoch}`, true);
      },
      renew: async (_, expiresAt) => ask(`renew to +${expiresAt - NOW}`, options.renewal ?? true),
      release: async (_, fence) => ask(`release at ${fence.finalLsn.orders}`, true),
      retake: async () => ask('retake', true),
    },
    pledges: {
      ask: async (_, { epoch, until }) => {
        done.push(`ask for epoch ${epoch} to +${until - NOW}`);
        if (clock.pledge === 'no answer') throw new Error('TimeoutError');
        return clock.pledge === 'pledged';
      },
    },
    standings: {
      last: async () => options.standing,
      keep: async (_, { epoch }) => void done.push(`leave epoch ${epoch} to the next loop`),
    },
    databases: options.first ? [databaseOf(options.first), database] : [database],
    now: () => NOW + clock.monotonic,
    monotonic: () => clock.monotonic,
    log: () => {},
  });
  return { guard, done, clock, setLease: (next: Lease) => (lease = next) };
};

describe('guard', () => {
  it('renews what its site holds, and then the right to write in the database, until the fence has to begin', async () => {
    const { guard, done } = guardOf({ lease: leaseOf() });
    await guard.round();
    expect(done).toEqual(['read', 'renew to +20000', 'open epoch 3 for 15000']);
  });

  it('is settled when it knows until when it may keep the databases open, or that it may not', async () => {
    const renewed = guardOf({ lease: leaseOf() }).guard;
    expect(renewed.isSettled).toBe(false);
    await renewed.round();
    expect(renewed.isSettled).toBe(true);
    const onlyRead = guardOf({ lease: leaseOf(), renewal: false }).guard;
    await onlyRead.round();
    expect(onlyRead.isSettled).toBe(false);
    const standby = guardOf({ lease: leaseOf(), site: 'recovery' }).guard;
    await standby.round();
    expect(standby.isSettled).toBe(true);
  });

  it('is not settled while it does not get at a database, whatever the ledger said: the loop before it may', async () => {
    let reached = false;
    const open = async () => (reached ? ('renewed' as const) : Promise.reject(new Error('secret unreadable')));
    const second = guardOf({ lease: leaseOf(), first: { name: 'billing' }, database: { open } });
    await second.guard.round();
    expect(second.done).toContain('renew to +20000');
    expect(second.guard.isSettled).toBe(false);
    reached = true;
    await second.guard.round();
    expect(second.guard.isSettled).toBe(true);
    const silent = guardOf({ lease: leaseOf(), standing: { epoch: 3, until: NOW + 1 }, database: { extend: open } });
    Object.assign(silent.clock, { reachable: false, pledge: 'pledged' });
    reached = false;
    await silent.guard.round();
    expect(silent.guard.isSettled).toBe(false);
  });

  it('opens nothing that the ledger did not renew', async () => {
    const { guard, done } = guardOf({ lease: leaseOf(), renewal: false });
    await guard.round();
    expect(done).toEqual(['read', 'renew to +20000']);
  });

  it('lets go of an epoch that its database has closed, since only a new one opens it again', async () => {
    const { guard, done } = guardOf({ lease: leaseOf(), database: { open: async () => 'refused' } });
    await guard.round();
    expect(done).toEqual(['read', 'renew to +20000', 'fence epoch 3', 'release at 0/300']);
  });

  it('renews although the heartbeat fails: an engine that restarts in its region is no reason to lose the lease', async () => {
    const { guard, done } = guardOf({ lease: leaseOf(), database: { heartbeat: async () => Promise.reject(new Error('restarting')) } });
    await guard.round();
    expect(done).toContain('renew to +20000');
  });

  it("yields to the other site's live claim: fence first, then release with the last log position", async () => {
    const { guard, done } = guardOf({ lease: leaseOf({ claim }) });
    await guard.round();
    expect(done).toEqual(['read', 'fence epoch 3, if need be by network', 'release at 0/300']);
    // A planned move is not worth a reboot.
    const planned = guardOf({ lease: leaseOf({ claim: { ...claim!, mode: 'switchover' } }) });
    await planned.guard.round();
    expect(planned.done).toEqual(['read', 'fence epoch 3', 'release at 0/300']);
  });

  it('renews on while a run only looks: a false alarm stops nobody', async () => {
    const { guard, done } = guardOf({ lease: leaseOf({ claim: { ...claim!, acting: false } }) });
    await guard.round();
    expect(done).not.toContain('fence');
    expect(done.some((each) => each.startsWith('renew'))).toBe(true);
  });

  it('does not release what it could not fence', async () => {
    const { guard, done } = guardOf({
      lease: leaseOf({ claim }),
      database: { fence: async () => Promise.reject(new Error('unreachable')) },
    });
    await guard.round();
    expect(done).toEqual(['read']);
  });

  it('takes back what it released once the run has given up, and opens the database', async () => {
    const { guard, done } = guardOf({ lease: leaseOf({ released: true }) });
    await guard.round();
    expect(done).toEqual(['read', 'retake', 'open epoch 4 for 15000']);
  });

  it('closes a database here that is no replica while another site holds the lease', async () => {
    const open = guardOf({ lease: leaseOf({ holder: 'recovery', epoch: 4 }), database: { role: async () => 'writer' } });
    await open.guard.round();
    expect(open.done).toEqual(['read', 'fence epoch 3, if need be by network']);
    const replica = guardOf({ lease: leaseOf({ holder: 'recovery', epoch: 4 }) });
    await replica.guard.round();
    expect(replica.done).toEqual(['read']);
  });

  it('closes one that it cannot ask what it is: that may be a writer', async () => {
    const role = async () => Promise.reject(new Error('cannot connect'));
    const { guard, done } = guardOf({ lease: leaseOf({ holder: 'recovery', epoch: 4 }), database: { role } });
    await guard.round();
    expect(done).toEqual(['read', 'fence epoch 3, if need be by network']);
  });

  it('closes the second database although the first cannot be closed', async () => {
    const first = { role: async () => 'writer' as const, fence: async () => Promise.reject(new Error('cannot connect')) };
    const database = { role: async () => 'writer' as const };
    const { guard, done } = guardOf({ lease: leaseOf({ holder: 'recovery', epoch: 4 }), first, database });
    await guard.round();
    expect(done).toEqual(['read', 'fence epoch 3, if need be by network']);
  });

  it('fences by itself when no renewal came through in time, counted from before the last one was asked for', async () => {
    const { guard, done, clock } = guardOf({ lease: leaseOf() });
    await guard.round();
    clock.reachable = false;
    clock.monotonic = 14_999; // ttl 20 s less fenceLead 5 s
    await guard.round();
    expect(done).not.toContain('fence');
    clock.monotonic = 15_000;
    await guard.round();
    await guard.round();
    expect(done.filter((each) => each === 'fence')).toHaveLength(1);
  });

  it('never fences a site that holds nothing because the ledger is silent', async () => {
    const { guard, done, clock } = guardOf({ lease: leaseOf({ holder: 'recovery' }) });
    await guard.round();
    clock.reachable = false;
    clock.monotonic = 1_000_000;
    await guard.round();
    expect(done).toEqual(['read']);
  });

  it('makes the first lease only in the home site, and only if its database is a writer', async () => {
    const writer = { role: async () => 'writer' as const };
    const home = guardOf({ database: writer });
    await home.guard.round();
    expect(home.done).toEqual(['read', 'create epoch 1']);
    const replica = guardOf({});
    await replica.guard.round();
    const away = guardOf({ site: 'recovery', database: writer });
    await away.guard.round();
    expect([...replica.done, ...away.done]).toEqual(['read', 'read']);
  });
});

describe('guard while the ledger is silent', () => {
  /** Renewed at 0, then silence: two rounds, with the answer that the other site gives. */
  const inSilence = async (pledge: 'pledged' | 'refused' | 'no answer', rules?: Situation['rules']) => {
    const each = guardOf({ lease: leaseOf(), rules });
    await each.guard.round();
    each.done.length = 0;
    Object.assign(each.clock, { reachable: false, pledge, monotonic: 10_000 });
    await each.guard.round();
    expect(each.guard.ledgerIsSilent).toBe(true);
    each.clock.monotonic = 15_000;
    await each.guard.round();
    return each;
  };
  const fences = (done: string[]) => done.filter((each) => each.startsWith('fence')).length;

  it('goes on for as long as the other site pledges, counted from before it asked', async () => {
    const { done } = await inSilence('pledged');
    expect(done).toEqual([
      'ask for epoch 3 to +30000',
      'extend epoch 3 for 15000',
      'leave epoch 3 to the next loop',
      'ask for epoch 3 to +35000',
      'extend epoch 3 for 15000',
      'leave epoch 3 to the next loop',
    ]);
  });

  it('fences in time when the other site does not answer', async () => {
    const { done } = await inSilence('no answer');
    expect(done).toEqual(['ask for epoch 3 to +30000', 'ask for epoch 3 to +35000', 'fence']);
  });

  it('fences in time when the other site takes over, under both policies', async () => {
    for (const policy of ['strict', 'available'] as const) {
      const { done } = await inSilence('refused', { policy });
      expect(fences(done)).toBe(1);
      expect(done.some((each) => each.startsWith('extend'))).toBe(false);
    }
  });

  it('asks nobody without the failsafe: strict fences, available writes on', async () => {
    expect((await inSilence('pledged', { failsafe: false })).done).toEqual(['fence']);
    const available = await inSilence('pledged', { failsafe: false, policy: 'available' });
    expect(fences(available.done)).toBe(0);
    expect(available.done.filter((each) => each.startsWith('extend epoch 3'))).toHaveLength(2);
  });

  it('writes on without any answer under the policy available', async () => {
    expect(fences((await inSilence('no answer', { policy: 'available' })).done)).toBe(0);
  });

  it('opens nothing again that it has closed itself: that takes the ledger', async () => {
    const { guard, done, clock } = await inSilence('no answer');
    done.length = 0;
    clock.pledge = 'pledged';
    await guard.round();
    expect(done).toEqual([]);
    clock.reachable = true;
    await guard.round();
    expect(done).toContain('open epoch 3 for 15000');
  });

  it('is not known to a loop before its first round: a new one each minute must not say that all is well', async () => {
    const { guard, clock } = guardOf({ lease: leaseOf() });
    expect(guard.ledgerIsSilent).toBeUndefined();
    await guard.round();
    expect(guard.ledgerIsSilent).toBe(false);
    clock.reachable = false;
    await guard.round();
    expect(guard.ledgerIsSilent).toBe(true);
  });

  it('fences in time while a round hangs', async () => {
    const { guard, done, clock } = guardOf({ lease: leaseOf() });
    await guard.round();
    clock.monotonic = 14_999;
    await guard.closeWhenOverdue();
    expect(done).not.toContain('fence');
    clock.monotonic = 15_000;
    await Promise.all([guard.closeWhenOverdue(), guard.closeWhenOverdue()]);
    expect(fences(done)).toBe(1);
  });

  it('fences again in time when a renewal came through while it fenced', async () => {
    let fenced = () => {};
    let fences = 0;
    const fence = () =>
      new Promise<{ finalLsn: string; endedSessions: number; proof: string }>((resolve) => {
        fences++;
        fenced = () => resolve({ finalLsn: '0/300', endedSessions: 0, proof: '' });
      });
    const { guard, clock } = guardOf({ lease: leaseOf(), database: { fence } });
    await guard.round();
    clock.monotonic = 15_000;
    const closing = guard.closeWhenOverdue();
    await guard.round();
    fenced();
    await closing;
    clock.monotonic = 30_000;
    const again = guard.closeWhenOverdue();
    expect(fences).toBe(2);
    fenced();
    await again;
  });

  it('asks for no pledge when a run of the other site acts', async () => {
    const { guard, done, clock, setLease } = guardOf({ lease: leaseOf() });
    await guard.round();
    setLease(leaseOf({ claim }));
    await guard.round();
    Object.assign(clock, { reachable: false, pledge: 'pledged' });
    await guard.round();
    expect(done.filter((each) => each.startsWith('ask'))).toEqual([]);
  });

  it('begins with what the loop before it left, while that lasts', async () => {
    const begin = async (until: number) => {
      const each = guardOf({ lease: leaseOf(), standing: { epoch: 3, until } });
      Object.assign(each.clock, { reachable: false, pledge: 'pledged' });
      await each.guard.round();
      return each;
    };
    const next = await begin(NOW + 1);
    expect(next.done).toContain('extend epoch 3 for 15000');
    expect(next.guard.isSettled).toBe(true);
    const returned = await begin(NOW - 1);
    expect(returned.done).toEqual([]);
    expect(returned.guard.isSettled).toBe(false);
  });
});
