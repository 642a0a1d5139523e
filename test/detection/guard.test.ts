import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { Guard } from '../../lambdas/detection/guard.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
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

const guardOf = (options: { lease?: Lease; site?: 'primary' | 'recovery'; database?: Partial<DatabaseAdapter>; renewal?: boolean }) => {
  const done: string[] = [];
  const clock = { monotonic: 0, reachable: true };
  let { lease } = options;
  const ask = <T>(name: string, answer: T) => {
    if (!clock.reachable) throw new Error('ledger unreachable');
    done.push(name);
    return answer;
  };
  const database = databaseOf({
    fence: async (epoch) => {
      done.push(epoch === undefined ? 'fence' : `fence epoch ${epoch}`);
      return { finalLsn: '0/300', endedSessions: 2 };
    },
    open: async (epoch, remainingMs) => {
      done.push(`open epoch ${epoch} for ${remainingMs()}`);
      return 'renewed';
    },
    ...options.database,
  });
  const guard = new Guard(demo.workloads[0]!, {
    plan: demo,
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
    databases: [database],
    now: () => NOW,
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
    expect(done).toEqual(['read', 'fence epoch 3', 'release at 0/300']);
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
    expect(open.done).toEqual(['read', 'fence epoch 3']);
    const replica = guardOf({ lease: leaseOf({ holder: 'recovery', epoch: 4 }) });
    await replica.guard.round();
    expect(replica.done).toEqual(['read']);
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
