import { describe, expect, it } from 'vitest';
import { UsageError } from '../../bin/commands/operator.ts';
import { overrideFence } from '../../bin/commands/override-fence.ts';
import demo from '../../environments/demo.ts';
import { settleFences } from '../../lambdas/failover/settle-fences.ts';
import { DatabaseUnrecoverable, LeaseLost, messageOf, NotReady } from '../../lambdas/kit/errors.ts';
import { type Fence, Fences } from '../../lambdas/kit/fences.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import { baseFor, databaseOf, leaseOf, NOW } from '../kit/services.ts';

const since = new Date(NOW - 60_000).toISOString();
const demanded: Fence = { workload: 'orders', database: 'orders', site: 'primary', epoch: 3, incident: 'run-1', state: 'pending', since };
const moved = leaseOf({ holder: 'recovery', epoch: 4 });
const claim: Lease['claim'] = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode: 'failover', expiresAt: NOW + 60_000 };

/** A site with this fence in the ledger. */
const at = async (site: SiteName, over: Partial<DatabaseAdapter> = {}, fence: Partial<Fence> = {}) => {
  const base = baseFor(moved, { site });
  const fences = new Fences(base.ledger);
  await fences.demand({ ...demanded, ...fence });
  const asked: unknown[] = [];
  const told: string[] = [];
  const database = databaseOf({
    fence: async (...how) => {
      asked.push(how);
      return { endedSessions: 0, proof: 'a write was refused' };
    },
    ...over,
  });
  const services = { ...base, databasesFor: () => [database], tell: async (subject: string) => void told.push(subject) };
  const settle = (lease = moved) => {
    base.memory.current = lease;
    return settleFences(lease, services);
  };
  const found = async () => (await fences.all('orders'))[0]!;
  return { settle, found, asked, told, base, fences };
};

describe('settle-fences', () => {
  it('fences what a move has asked for, by whatever reaches it, and records the proof', async () => {
    const { settle, found, asked, told, base } = await at('primary');
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [] });
    expect(asked).toEqual([[3, { byNetwork: true }]]);
    expect(await found()).toMatchObject({ state: 'fenced', proof: 'a write was refused', settledAt: new Date(NOW).toISOString() });
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ fence: 'fenced', fenceProof: { orders: 'a write was refused' } });
    expect(told).toEqual(['orders: the old writer is fenced']);
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [] });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ['not yet', new NotReady('3 sessions are left')],
    ['an epoch later writes here', new LeaseLost('later')],
  ])('stays pending while it is not proven: %s', async (_, error) => {
    const { settle, found, told } = await at('primary', {
      fence: async () => {
        throw error;
      },
    });
    expect(await settle()).toMatchObject({ unsettled: [{ database: 'orders', because: messageOf(error) }] });
    expect(await found()).toMatchObject({ state: 'pending' });
    expect(told).toEqual([]);
  });

  it('is the business of the site where the old writer stands; the other one knows that it is pending', async () => {
    const { settle, found, asked } = await at('recovery');
    expect(await settle()).toEqual({ elsewhere: 1, unsettled: [] });
    expect(asked).toEqual([]);
    expect(await found()).toMatchObject({ state: 'pending' });
  });

  it('waits for the run that asked, and is withdrawn when that gave up', async () => {
    const { settle, found, asked } = await at('primary');
    await settle(leaseOf({ claim }));
    expect(await found()).toMatchObject({ state: 'pending' });
    await settle(leaseOf());
    expect(await found()).toMatchObject({ state: 'withdrawn' });
    expect(asked).toEqual([]);
  });
});

const both = async (stock: Partial<DatabaseAdapter>, tell: () => Promise<void> = async () => {}) => {
  const base = baseFor(moved, { site: 'primary' });
  const fences = new Fences(base.ledger);
  for (const database of ['orders', 'stock']) await fences.demand({ ...demanded, database });
  const databasesFor = () => [databaseOf(), ...('fence' in stock ? [databaseOf({ name: 'stock', ...stock })] : [])];
  const settle = () => settleFences(moved, { ...base, databasesFor, tell });
  const states = async () => (await fences.all('orders')).map(({ database, state }) => `${database} ${state}`);
  const incident = () => base.incidents.find('run-1', 'orders');
  return { settle, states, incident, base };
};

describe('settle-fences of several databases', () => {
  const failing = (error: Error) => ({ fence: () => Promise.reject(error) });

  it.each([
    ['is not ready', failing(new NotReady('3 sessions are left')), 'NotReady: 3 sessions are left'],
    ['is in the environment no more', {}, "NotInEnvironment: database 'stock' of 'orders' is in the environment no more"],
  ])('records the proof of one though another %s', async (_, stock, because) => {
    const { settle, states, incident } = await both(stock);
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [{ database: 'stock', because }] });
    expect(await states()).toEqual(['orders fenced', 'stock pending']);
    expect(await incident()).toMatchObject({ fenceProof: { orders: 'a write was refused' } });
    expect(await incident()).not.toHaveProperty('fence');
  });

  it('records one at once, and keeps its proof when the other is proven in a later call', async () => {
    let giveUp = (_: Error): void => {};
    const slow = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const late = { fence: (): ReturnType<DatabaseAdapter['fence']> => slow };
    const { settle, states, incident } = await both(late);
    const first = settle();
    await expect.poll(states).toEqual(['orders fenced', 'stock pending']);
    giveUp(new NotReady('rebooting'));
    await first;
    late.fence = async () => ({ endedSessions: 0, proof: 'isolated' });
    await settle();
    expect(await incident()).toMatchObject({ fence: 'fenced', fenceProof: { orders: 'a write was refused', stock: 'isolated' } });
  });

  it.each([
    ['is in the environment no more', {}],
    ['is written in a later epoch', failing(new LeaseLost('later'))],
  ])("ends its waiting with a person's word where it %s", async (_, stock) => {
    const { settle, states, base } = await both(stock);
    await settle();
    await overrideFence({ environment: demo, ledger: base.ledger, print: () => {} }, 'orders', { reason: 'stock was deleted' });
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [] });
    expect(await states()).toEqual(['orders fenced', 'stock overridden']);
  });

  it.each([
    ['pending', 1],
    ['overridden', 0],
  ] as const)('of an instance that is gone and %s keeps %i databases from what comes next', async (state, unsettled) => {
    const gone = async () => Promise.reject(new DatabaseUnrecoverable('DB instance orders does not exist in us-east-1'));
    const { settle, found } = await at('primary', { fence: gone }, { state });
    expect((await settle()).unsettled).toHaveLength(unsettled);
    // Whoever comes back is fenced all the same.
    expect(await found()).toMatchObject({ state });
  });

  it('tells people twice rather than never: a fence is settled after they were told', async () => {
    const tell = [() => Promise.reject(new Error('died here')), async () => {}, async () => {}];
    const { settle, states, incident } = await both({ fence: databaseOf().fence }, () => tell.shift()!());
    expect(await settle()).toMatchObject({ unsettled: [{ database: 'orders' }] });
    expect(await states()).toEqual(['orders pending', 'stock fenced']);
    expect(await settle()).toMatchObject({ unsettled: [] });
    expect(tell).toEqual([]);
    expect(await incident()).toMatchObject({ fence: 'fenced' });
  });
});

describe('a fence that two runs ask for at one epoch', () => {
  const again: Fence = { ...demanded, incident: 'run-2', execution: 'run-2', since: new Date(NOW).toISOString() };

  it('is handed over to the second while it is pending, which gets the proof', async () => {
    const { settle, fences, found, base } = await at('primary');
    await fences.demand(again);
    expect(await fences.pending('orders')).toEqual([{ ...again, since, version: 1 }]);
    await settle();
    expect(await found()).toMatchObject({ state: 'fenced', incident: 'run-2' });
    expect(await base.incidents.find('run-2', 'orders')).toMatchObject({ fence: 'fenced', fenceProof: { orders: 'a write was refused' } });
    expect(await base.incidents.find('run-1', 'orders')).toBeUndefined();
  });

  it('is pending anew where the first gave up and it was withdrawn, also for another run of the same incident', async () => {
    for (const second of [again, { ...demanded, execution: 'run-1-again' }]) {
      const { settle, fences, found } = await at('primary');
      await settle(leaseOf());
      expect(await found()).toMatchObject({ state: 'withdrawn' });
      await fences.demand(second);
      expect(await fences.pending('orders')).toEqual([{ ...second, version: 2 }]);
      await settle();
      expect(await found()).toMatchObject({ state: 'fenced', incident: second.incident });
    }
  });

  it.each(['fenced', 'overridden'] as const)('is not undone when it is %s', async (state) => {
    const { fences, found } = await at('primary', {}, { state });
    expect(await fences.demand(again)).toMatchObject({ state, incident: 'run-1' });
    expect(await found()).toMatchObject({ state, incident: 'run-1' });
  });

  it('changes nothing when the same run asks again', async () => {
    const { fences, base } = await at('primary');
    await fences.demand(again);
    const { length } = base.memory.writes;
    expect(await fences.demand({ ...again, since: 'later' })).toMatchObject({ since, version: 1 });
    expect(base.memory.writes).toHaveLength(length);
  });

  it('is settled by nobody who read it before it was handed over: the next look does that, for the second', async () => {
    let meanwhile: () => Promise<unknown> = async () => {};
    const proof = { endedSessions: 0, proof: 'a write was refused' };
    const { settle, fences, found, base } = await at('primary', { fence: () => meanwhile().then(() => proof) });
    meanwhile = () => fences.demand(again);
    expect(await settle()).toMatchObject({ unsettled: [{ because: expect.stringContaining('changed at this moment') }] });
    expect(await found()).toMatchObject({ state: 'pending', incident: 'run-2' });
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [] });
    expect(await base.incidents.find('run-2', 'orders')).toMatchObject({ fence: 'fenced' });
  });

  it('is not withdrawn from a run that claims and asks while that is looked at', async () => {
    const { fences, found, base } = await at('primary');
    const services = { ...base, databasesFor: () => [], tell: async () => {} };
    const free = leaseOf();
    const { list } = base.memory;
    // Before the fences are read: the claim is seen. After that: the fence is another than the one that was read.
    base.memory.current = leaseOf({ claim });
    await settleFences(free, services);
    expect(await found()).toMatchObject({ state: 'pending' });
    base.memory.current = free;
    base.memory.list = async (...query) => {
      const before = await list(...query);
      base.memory.list = list;
      await fences.demand(again);
      return before;
    };
    await expect(settleFences(free, services)).rejects.toThrow(NotReady);
    expect(await found()).toMatchObject({ state: 'pending', incident: 'run-2' });
  });
});

describe('a fence whose database is written in a later epoch', () => {
  const later = (own: number) => ({
    fence: async (epoch?: number) => {
      if (epoch! < own) throw new LeaseLost('later');
      return { endedSessions: 0, proof: 'a write was refused' };
    },
  });

  it('is settled with the fence of that epoch, and says that it was not proven by itself', async () => {
    const { settle, fences, told, base } = await at('primary', later(4));
    await fences.demand({ ...demanded, epoch: 4, incident: 'run-2' });
    expect(await settle(leaseOf({ holder: 'recovery', epoch: 5 }))).toEqual({ elsewhere: 0, unsettled: [] });
    const covered = 'none of its own: the fence of epoch 4 covers it';
    expect(await fences.all('orders')).toMatchObject([
      { epoch: 3, state: 'superseded', proof: covered },
      { epoch: 4, state: 'fenced', proof: 'a write was refused' },
    ]);
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ fenceProof: { orders: covered } });
    expect(await base.incidents.find('run-1', 'orders')).not.toHaveProperty('fence');
    expect(await base.incidents.find('run-2', 'orders')).toMatchObject({ fence: 'fenced' });
    expect(told).toHaveLength(1);
  });

  it('is settled also where the guard let go of that epoch by itself, and by no fence that was withdrawn or is of another site', async () => {
    const { settle, fences, found } = await at('primary', later(4));
    await fences.demand({ ...demanded, epoch: 4, state: 'withdrawn' });
    const proof = { epoch: 4, at: NOW, finalLsn: {} };
    const taken = (site: SiteName) => leaseOf({ holder: 'recovery', epoch: 5, fence: { ...proof, site } });
    expect(await settle(taken('recovery'))).toMatchObject({ unsettled: [{ because: 'LeaseLost: later' }] });
    expect(await settle(taken('primary'))).toEqual({ elsewhere: 0, unsettled: [] });
    expect(await found()).toMatchObject({ state: 'superseded' });
  });

  it('does not hide that the later one is pending', async () => {
    const { settle, fences } = await at('primary', later(9));
    await fences.demand({ ...demanded, epoch: 4, incident: 'run-2' });
    expect(await settle(leaseOf({ holder: 'recovery', epoch: 5 }))).toMatchObject({ unsettled: [{ database: 'orders' }] });
    expect(await fences.pending('orders')).toMatchObject([{ epoch: 4 }]);
  });
});

describe('override-fence', () => {
  const operator = (base: ReturnType<typeof baseFor>, printed: unknown[] = []) => ({
    environment: demo,
    ledger: base.ledger,
    print: (document: unknown, text: () => string) => void printed.push(document, text()),
  });

  it('records who, when and why, and is no pardon: a region that returns is fenced all the same', async () => {
    const { settle, found, asked, base } = await at('primary');
    const printed: unknown[] = [];
    await overrideFence(operator(base, printed), 'orders', { reason: 'the region is lost for good' }, new Date(NOW));
    const override = { by: expect.any(String), at: new Date(NOW).toISOString(), reason: 'the region is lost for good' };
    expect(await found()).toMatchObject({ state: 'overridden', override });
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ fence: 'overridden', fenceOverride: override });
    expect((await base.incidents.timeline('run-1', 'orders')).map(({ step }) => step)).toEqual(['override-fence']);
    expect(printed[1]).toBe('orders/orders in primary: fence of epoch 3 overridden');
    await settle();
    expect(asked).toHaveLength(1);
    expect(await found()).toMatchObject({ state: 'fenced', override });
  });

  it('of one database leaves the others pending, and the incident is overridden when none is', async () => {
    const { settle, states, incident, base } = await both({ fence: databaseOf().fence });
    await overrideFence(operator(base), 'orders', { reason: 'left the environment', database: 'orders' }, new Date(NOW));
    expect(await states()).toEqual(['orders overridden', 'stock pending']);
    expect((await incident())!.fence).not.toBe('overridden');
    const again = overrideFence(operator(base), 'orders', { reason: 'why', database: 'orders' });
    await expect(again).rejects.toThrow("no fence of 'orders/orders' is pending; pending are those of stock");
    await overrideFence(operator(base), 'orders', { reason: 'the region is lost for good', database: 'stock' }, new Date(NOW));
    expect((await incident())!.fence).toBe('overridden');
    expect(await settle()).toMatchObject({ unsettled: [] });
    expect((await incident())!.fence).toBe('fenced');
  });

  it('is pending for nobody after that', async () => {
    const { settle } = await at('recovery', {}, { state: 'overridden' });
    expect(await settle()).toEqual({ elsewhere: 0, unsettled: [] });
  });

  it('refuses a workload that nobody knows, an empty reason, and where nothing is pending', async () => {
    const { base } = await at('primary', {}, { state: 'fenced' });
    await expect(overrideFence(operator(base), 'order', { reason: 'why' })).rejects.toBeInstanceOf(UsageError);
    await expect(overrideFence(operator(base), 'orders', { reason: ' ' })).rejects.toBeInstanceOf(UsageError);
    await expect(overrideFence(operator(base), 'orders', { reason: 'why' })).rejects.toThrow(/no fence of 'orders' is pending/);
  });
});
