import { describe, expect, it } from 'vitest';
import { abortIncident } from '../../lambdas/failover/abort-incident.ts';
import { closeIncident } from '../../lambdas/failover/close-incident.ts';
import { nextStep } from '../../lambdas/failover/next-step.ts';
import { reconcileSite } from '../../lambdas/failover/reconcile-site.ts';
import { reprotectDatabase } from '../../lambdas/failover/reprotect-database.ts';
import { settleRun } from '../../lambdas/failover/settle-run.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { IncidentRecord } from '../../lambdas/kit/evidence.ts';
import { Fences } from '../../lambdas/kit/fences.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import { parseInput, runStep } from '../../lambdas/kit/step.ts';
import { baseFor, databaseOf, leaseOf, NOW, request } from '../kit/services.ts';

const iso = (offsetMs: number) => new Date(NOW + offsetMs).toISOString();
const claim: Lease['claim'] = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode: 'failover', expiresAt: NOW + 60_000 };
const opened = {
  incident: 'run-1',
  workload: 'orders',
  execution: 'run-1',
  mode: 'failover',
  trigger: 'alarm',
  reason: 'test',
  from: 'primary',
  to: 'recovery',
  epoch: 3,
  openedAt: iso(-40_000),
  outcome: 'running',
} as const;

/** Services that keep what they were told. */
const ends = async (lease: Lease, extra = {}) => {
  const base = baseFor(lease);
  await base.incidents.open({ ...opened, outageBeganAt: iso(-65_000), ...extra });
  const told: string[] = [];
  const saved: IncidentRecord[] = [];
  const metrics: Datum[] = [];
  const scaled: number[] = [];
  const adapter = { name: 'orders', read: async () => ({ desired: 2, ready: 2 }), scale: async (to: number) => void scaled.push(to) };
  const services = {
    ...base,
    tell: async (subject: string, facts: Record<string, unknown>) => void told.push(`${subject} ${JSON.stringify(facts)}`),
    save: async (record: IncidentRecord) => {
      saved.push(record);
      return 's3://evidence/record.json';
    },
    put: async (data: readonly Datum[]) => void metrics.push(...data),
    computeFor: () => [{ adapter, config: base.plan.workloads[0]!.compute[0]! }],
  };
  return { base, services, told, saved, metrics, scaled };
};

describe('close-incident', () => {
  it('measures from the first bad observation to the verified write, records, tells, and drops the claim', async () => {
    const { base, services, told, saved, metrics } = await ends(leaseOf({ holder: 'recovery', epoch: 4, claim }), {
      lag: { kind: 'known', seconds: 1.5 },
    });
    const result = await runStep(
      closeIncident,
      { workload: 'orders', request: request(), verified: { verifiedAt: iso(-5_000) }, states: {} },
      services,
    );
    expect(result).toMatchObject({ outcome: 'recovered', measured: { rtoSeconds: 60, rpoSeconds: 1.5 } });
    expect(saved[0]).toMatchObject({ objectives: { rtoSeconds: 300 }, incident: { outcome: 'recovered' } });
    expect(metrics.map(({ name, value }) => [name, value])).toEqual([
      ['recovery_time_seconds', 60],
      ['recovery_point_seconds', 1.5],
    ]); // prettier-ignore
    expect(told[0]).toContain('orders recovered by failover');
    expect(base.memory.current?.claim).toBeUndefined();
  });

  it('keeps the first verified write when it closes an incident once more', async () => {
    const { services } = await ends(leaseOf({ holder: 'recovery', claim }), { verifiedAt: iso(-20_000) });
    const input = { workload: 'orders', request: request(), verified: { verifiedAt: iso(-5_000) }, states: {} };
    expect(await runStep(closeIncident, input, services)).toMatchObject({ measured: { rtoSeconds: 45 } });
  });

  it('closes what a machine of before has brought to its end', () => {
    const input = { workload: 'orders', request: request(), verified: {} };
    expect(parseInput(closeIncident.input, input)).toMatchObject({ states: {} });
  });

  it('of a dry run says what each state would have done, and what it found', async () => {
    const { services, told } = await ends(leaseOf());
    const lag = { kind: 'known', seconds: 90, objectiveSeconds: 60, would: 'stop: the standby lags' };
    const states = {
      workload: 'orders',
      lag,
      activation: [
        { lag, fence: { outcome: 'dry-run', would: 'wait' }, lease: { would: 'take the lease' } },
        { lag, compute: { would: 'scale' } },
      ],
      verified: { would: 'POST' },
    };
    const input = { workload: 'orders', request: request({ dryRun: true }), verified: {}, states };
    const { would = [] } = await runStep(closeIncident, input, services);
    expect(would.map(({ state }) => state)).toEqual(['lag', 'fence', 'lease', 'compute', 'verified']);
    expect(would[0]).toEqual({ state: 'lag', ...lag });
    expect(told).toEqual([]);
  });
});

describe('abort-incident', () => {
  const failure = { Error: 'OutageNotConfirmed', Cause: JSON.stringify({ errorMessage: 'quorum not reached', trace: ['secret path'] }) };
  const abort = (services: object, over = {}) =>
    runStep(abortIncident, { workload: 'orders', request: request(over), failure }, services as never);

  it('before the take: gives everything back and leaves the active site serving', async () => {
    const { base, services, told, scaled } = await ends(leaseOf({ claim }));
    expect(await abort(services)).toEqual({ workload: 'orders', outcome: 'aborted', detail: 'OutageNotConfirmed: quorum not reached' });
    expect(base.memory.current).toMatchObject({ holder: 'primary', serving: 'primary', claim: undefined });
    expect(scaled).toEqual([0]);
    expect(told[0]).toContain('aborted');
  });

  it('after the take: interrupted, nothing goes back, and the next run is told how to go on', async () => {
    const { base, services, told, scaled } = await ends(leaseOf({ holder: 'recovery', epoch: 4, claim }));
    expect(await abort(services)).toMatchObject({ outcome: 'interrupted' });
    expect(base.memory.current).toMatchObject({ holder: 'recovery', claim: undefined });
    expect(scaled).toEqual([]);
    const input = JSON.stringify({ incident: 'run-1', mode: 'failover', workloads: ['orders'], reason: '…' });
    const { next } = JSON.parse(told[0]!.slice(told[0]!.indexOf('{'))) as { next: string };
    expect(next).toContain(`with the input ${input}`);
    expect(next).toContain('npx lifeboat --env demo failover orders --to recovery --incident run-1 --reason');
  });

  it.each([
    ['LagRefused', 'failover', 'automatic', "to 'ask', deploy"],
    ['ApprovalTimedOut', 'failover', 'automatic', 'nothing starts by itself for this outage'],
    ['OutageNotConfirmed', 'failover', 'automatic', 'begins by itself'],
    ['OutageNotConfirmed', 'failover', 'manual', 'while the outage lasts: npx lifeboat'],
    ['NotReady', 'switchover', 'automatic', 'put right what it says, then npx lifeboat --env demo switchover orders --to recovery'],
  ] as const)('before the take, after %s of a %s where policy is %s: says how it goes on', (error, mode, policy, words) => {
    const plan = { name: 'demo', failover: { ...baseFor().plan.failover, policy } };
    const said = nextStep('aborted', error, { plan, site: 'recovery', workload: 'orders', request: { incident: 'run-1', mode } });
    expect(said).toContain(words);
    // The region may be down: a run that has moved nothing does not know.
    expect(said).not.toMatch(/serves on/);
  });

  it('after the take: interrupted too when its claim has run out meanwhile', async () => {
    const { services } = await ends(leaseOf({ holder: 'recovery', epoch: 4 }));
    expect(await abort(services)).toMatchObject({ outcome: 'interrupted' });
  });

  it("leaves another run's claim and compute alone, and another execution's record of the same incident", async () => {
    const { base, services, scaled } = await ends(leaseOf({ claim: { ...claim!, incident: 'other', execution: 'other' } }), {
      execution: 'other',
    });
    await abort(services);
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ outcome: 'running' });
    expect(base.memory.current?.claim?.incident).toBe('other');
    expect(scaled).toEqual([]);
  });
});

describe('settle-run', () => {
  const settle = (outcomes: string[], over = {}) =>
    runStep(
      settleRun,
      { request: request(over), results: [outcomes.map((outcome) => ({ workload: 'orders', outcome }))] } as never,
      baseFor(),
    );

  it('succeeds only if every workload did', async () => {
    expect(await settle(['recovered', 'recovered'])).toMatchObject({ succeeded: true });
    for (const bad of ['aborted', 'interrupted', 'unknown', 'dry-run'])
      expect(await settle(['recovered', bad])).toMatchObject({ succeeded: false });
    expect(await settle([])).toMatchObject({ succeeded: false });
    expect(await settle(['dry-run'], { dryRun: true })).toMatchObject({ succeeded: true });
  });

  it('names in its reason what did not recover, and why', async () => {
    const failed = { workload: 'search', outcome: 'aborted', detail: 'LagRefused: the standby lags by 90 s' };
    const results = [[{ workload: 'orders', outcome: 'recovered' }], [failed, { workload: 'mail', outcome: 'unknown' }]];
    const { reason } = await runStep(settleRun, { request: request(), results } as never, baseFor());
    expect(reason).toBe('search: aborted: LagRefused: the standby lags by 90 s; mail: unknown');
  });
});

describe('reprotect-database', () => {
  it('waits while the instance is busy', async () => {
    const databasesFor = () => [databaseOf({ protect: async () => Promise.reject(new NotReady('modifying')) })];
    await expect(
      runStep(reprotectDatabase, { workload: 'orders', request: request() }, { ...baseFor(), databasesFor }),
    ).rejects.toBeInstanceOf(NotReady);
  });
});

describe('reconcile-site', () => {
  const moved = leaseOf({ holder: 'recovery', serving: 'recovery', epoch: 4, movedAt: NOW - 1000 });
  const reconcile = (
    lease: Lease | undefined,
    states: string[],
    { ended, site = 'primary' as SiteName }: { ended?: boolean; site?: SiteName } = {},
  ) => {
    const left = [...states];
    const scaledTo: number[] = [];
    let clock = NOW;
    const tick = async (ms: number) => {
      clock += ms;
    };
    const base = baseFor(lease, { site, now: () => clock, sleep: tick });
    const adapter = {
      name: 'orders',
      read: async () => ({ desired: scaledTo.at(-1) ?? 2, ready: 2 }),
      scale: async (to: number) => void scaledTo.push(to),
    };
    const services = {
      ...base,
      tell: async () => {},
      put: async () => {},
      hasEnded: async () => ended,
      databasesFor: () => [databaseOf({ rebuild: async () => left.shift() ?? 'replicating' })],
      computeFor: () => [{ adapter, config: base.plan.workloads[0]!.compute[0]! }],
    };
    return runStep(reconcileSite, {}, services).then((result) => ({ result, left, scaledTo, lease: base.memory.current }));
  };

  it('rebuilds the standby step by step and takes compute down', async () => {
    const { result, left, scaledTo } = await reconcile(moved, [
      'setting the old writer aside',
      'waiting: renaming',
      'creating the replica',
    ]);
    expect(result.settled).toBe(true);
    expect(left).toEqual([]);
    expect(scaledTo).toEqual([0]);
  });

  it.each([
    ['it holds the lease', leaseOf()],
    ['the move is not complete', { ...moved, serving: 'primary' as const }],
    ['a run is under way', { ...moved, claim: { ...claim!, expiresAt: NOW + 1000 } }],
    ['nothing was ever moved', { ...moved, movedAt: undefined }],
    ['there is no lease', undefined],
  ])('touches nothing while %s', async (_, lease) => {
    const { left, scaledTo } = await reconcile(lease, ['setting the old writer aside']);
    expect(left).toHaveLength(1);
    expect(scaledTo).toEqual([]);
  });

  it('drops the claim of a run of its own site that has ended, and no other', async () => {
    const held = { ...leaseOf(), released: true, claim: claim! };
    expect((await reconcile(held, [], { site: 'recovery', ended: true })).lease?.claim).toBeUndefined();
    expect((await reconcile(held, [], { site: 'recovery', ended: false })).lease?.claim).toEqual(claim);
    expect((await reconcile(held, [], { site: 'recovery', ended: undefined })).lease?.claim).toEqual(claim);
    expect((await reconcile(held, [], { site: 'primary', ended: true })).lease?.claim).toEqual(claim);
  });

  it('rebuilds one database while the fence of another is pending, and says so', async () => {
    const rebuilt: string[] = [];
    const base = baseFor(moved, { site: 'primary' });
    const fence = { workload: 'orders', site: 'primary', epoch: 3, incident: 'run-1', state: 'pending', since: iso(-60_000) } as const;
    for (const database of ['stock', 'gone']) await new Fences(base.ledger).demand({ ...fence, database });
    const notYet = () => Promise.reject(new NotReady('3 sessions are left'));
    const rebuild = (name: string) => async () => {
      rebuilt.push(name);
      return 'replicating';
    };
    let clock = NOW;
    const services = {
      ...base,
      now: () => clock,
      sleep: async () => {
        clock += 20_000;
      },
      tell: async () => {},
      put: async () => {},
      hasEnded: async () => undefined,
      databasesFor: () => [
        databaseOf({ rebuild: rebuild('orders') }),
        databaseOf({ name: 'stock', fence: notYet, rebuild: rebuild('stock') }),
      ],
      computeFor: () => [],
    };
    const { settled, states } = await runStep(reconcileSite, {}, services);
    expect({ settled, ...states }).toEqual({ settled: false, orders: expect.stringMatching(/^fence of '(stock|gone)' pending: /) });
    expect(new Set(rebuilt)).toEqual(new Set(['orders']));
  });

  it('ends in time and leaves the rest to the next call', async () => {
    const { result } = await reconcile(moved, Array(1000).fill('waiting: creating'));
    expect(result.settled).toBe(false);
  });
});
