import { describe, expect, it } from 'vitest';
import { lookAgain } from '../../lambdas/detection/look-again.ts';
import { begin } from '../../lambdas/detection/start-failover.ts';
import { mayTryAgain } from '../../lambdas/detection/try-again.ts';
import { claimSeconds } from '../../lambdas/failover/bounds.ts';
import { openIncident } from '../../lambdas/failover/open-incident.ts';
import { Approvals } from '../../lambdas/kit/approvals.ts';
import type { Incident } from '../../lambdas/kit/incidents.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import type { Observation, Verdict } from '../../lambdas/kit/observations.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, NOW, request } from '../kit/services.ts';

const MINUTE = 60_000;

/** A site whose clock a test turns, with observers that say one thing since a given time. */
const siteWith = (lease: Lease) => {
  const base = baseFor(lease);
  const world = { now: NOW, verdict: 'unhealthy' as Verdict, since: NOW };
  const [started, told, data]: [{ name: string; input: Record<string, unknown> }[], string[], Datum[]] = [[], [], []];
  const word = (observer: string): Observation => ({
    workload: 'orders',
    observer,
    target: lease.holder,
    verdict: world.verdict,
    reason: '',
    at: world.now,
    since: world.since,
  });
  const services = {
    ...base,
    now: () => world.now,
    observations: { latest: async () => ['us-west-2', 'us-east-2'].map(word) },
    start: async (name: string, input: Record<string, unknown>) => {
      started.push({ name, input });
      return 'started' as const;
    },
    tell: async (subject: string, facts: object) => void told.push(`${subject} ${JSON.stringify(facts)}`),
    put: async (all: readonly Datum[]) => void data.push(...all),
  };
  /** A look each minute. */
  const minutes = async (count: number) => {
    for (let minute = 0; minute < count; minute++) {
      world.now += MINUTE;
      await runStep(lookAgain, {}, services);
    }
  };
  /** A run that the site has started ends. */
  const ends = async (name: string, over: Partial<Incident>) => {
    const closedAt = new Date(world.now).toISOString();
    await base.incidents.note(name, 'orders', { outcome: 'aborted', closedAt, ...over });
  };
  /** A person's run opens its incident now, as `open-incident` does. */
  const personOpens = async (name: string) => {
    const input = { workload: 'orders', request: request({ incident: name, execution: name, trigger: 'person' }) };
    await runStep(openIncident, input, { ...services, hasEnded: async () => undefined });
  };
  /** It ends, or is stopped, and its claim is dropped. */
  const personEnds = async (name: string, over: Partial<Incident>) => {
    await ends(name, over);
    await base.ledger.dropClaim('orders', name);
  };
  return { base, world, started, told, data, minutes, ends, personOpens, personEnds };
};

/** The run asks a person, who has so many minutes. */
const askIn = ({ base, world }: ReturnType<typeof siteWith>, minutes: number) =>
  new Approvals(base.ledger, base.incidents).ask('run-1', 'orders', {
    id: 'q',
    token: 'the-task-token',
    askedAt: new Date(world.now).toISOString(),
    expiresAt: new Date(world.now + minutes * MINUTE).toISOString(),
    mode: 'failover',
    reason: 'alarm',
    because: 'the lag',
    loss: { lag: { kind: 'known', seconds: 90 }, objectiveSeconds: 60 },
    reminders: 0,
  });

/** It passes; the next one is another. */
const laterOutage = async ({ world, minutes }: Pick<ReturnType<typeof siteWith>, 'world' | 'minutes'>): Promise<void> => {
  world.verdict = 'healthy';
  await minutes(3);
  Object.assign(world, { verdict: 'unhealthy', since: world.now });
  await minutes(2);
};

describe('an outage that has no run', () => {
  it('is left to the alarm first, and begun once after that: the alarm may be lost, the outage is not', async () => {
    const { minutes, started } = siteWith(leaseOf());
    await minutes(1);
    expect(started).toEqual([]);
    await minutes(2);
    expect(started).toHaveLength(1);
    expect(started[0]).toMatchObject({ input: { workloads: ['orders'], mode: 'failover', trigger: 'alarm', cooldownUntil: undefined } });
  });

  it.each<[string, Lease, Verdict]>([
    ['the workload is well', leaseOf(), 'healthy'],
    ['nobody can tell', leaseOf(), 'unknown'],
    ['this site is active', leaseOf({ holder: 'recovery' }), 'unhealthy'],
  ])('begins nothing while %s', async (_, lease, verdict) => {
    const { minutes, started, world } = siteWith(lease);
    world.verdict = verdict;
    await minutes(10);
    expect(started).toEqual([]);
  });

  it('is begun past a planned move that waits, of which a person is reminded while all is well', async () => {
    const claim = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode: 'switchover', expiresAt: NOW + 90 * MINUTE } as const;
    const site = siteWith(leaseOf({ claim }));
    site.world.verdict = 'healthy';
    await askIn(site, 60);
    await site.minutes(16);
    expect(site.told).toHaveLength(1);
    expect(site.started).toEqual([]);
    Object.assign(site.world, { verdict: 'unhealthy', since: site.world.now });
    await site.minutes(3);
    expect(site.started).toHaveLength(1);
  });

  it('that outlasts the cool-down is asked about during it, and moves by itself when it ends', async () => {
    const { minutes, started, ends, world } = siteWith(leaseOf({ movedAt: NOW - MINUTE }));
    await minutes(2);
    expect(started).toHaveLength(1);
    expect(started[0]!.input.cooldownUntil).toBe(new Date(NOW + 29 * MINUTE).toISOString());
    await ends(started[0]!.name, { outcome: 'running' });
    await minutes(27);
    expect(started).toHaveLength(1);
    await ends(started[0]!.name, { error: 'CooldownOver' });
    await minutes(1);
    expect(world.now).toBe(NOW + 30 * MINUTE);
    expect(started).toHaveLength(2);
    expect(started[1]!.input.cooldownUntil).toBeUndefined();
  });

  it('that ends and comes back within the cool-down is another one, and is asked about again', async () => {
    const { minutes, started, ends, world } = siteWith(leaseOf({ movedAt: NOW - MINUTE }));
    await minutes(2);
    await ends(started[0]!.name, { error: 'ApprovalRefused' });
    await minutes(5);
    expect(started).toHaveLength(1);
    await laterOutage({ world, minutes });
    expect(started).toHaveLength(2);
  });

  it('is not begun again by itself once a person or a policy has refused', async () => {
    for (const error of ['ApprovalRefused', 'ApprovalTimedOut', 'LagRefused']) {
      const { minutes, started, ends } = siteWith(leaseOf());
      await minutes(2);
      await ends(started[0]!.name, { error });
      await minutes(120);
      expect(started).toHaveLength(1);
    }
  });

  it('is begun again, after a pause, when the last run gave up for what may pass', async () => {
    const { minutes, started, ends } = siteWith(leaseOf());
    await minutes(2);
    await ends(started[0]!.name, { error: 'LeaseLost' });
    await minutes(4);
    expect(started).toHaveLength(1);
    await minutes(1);
    expect(started).toHaveLength(2);
    expect(new Set(started.map(({ name }) => name)).size).toBe(2);
  });
});

describe('an outage that a person has in hand', () => {
  it.each<[string, Partial<Incident>]>([
    ['refused', { error: 'ApprovalRefused' }],
    ['stopped', { outcome: 'running' }],
  ])('moves nothing by itself once the run was %s; a later outage does', async (_, end) => {
    const { minutes, started, personOpens, personEnds, world } = siteWith(leaseOf());
    await minutes(1);
    await personOpens('by-hand');
    await minutes(5);
    await personEnds('by-hand', end);
    await minutes(120);
    expect(started).toEqual([]);
    await laterOutage({ world, minutes });
    expect(started).toHaveLength(1);
  });

  it("stays theirs where an alarm's run came after it and was refused by its claim", async () => {
    const { minutes, started, personOpens, personEnds, base, world } = siteWith(leaseOf());
    await minutes(1);
    await personOpens('by-hand');
    world.now += 1_000;
    const alarm = { workload: 'orders', execution: 'by-alarm', reason: '', detectedAt: '' };
    await begin(alarm, { ledger: base.ledger, now: () => world.now, start: async () => 'started' });
    await personEnds('by-hand', { error: 'ApprovalRefused' });
    await minutes(120);
    expect(started).toEqual([]);
  });

  it('is begun again, after a pause, when their run gave up for what may pass, and once more when that one is lost', async () => {
    const { minutes, started, personOpens, personEnds } = siteWith(leaseOf());
    await minutes(1);
    await personOpens('by-hand');
    await personEnds('by-hand', { error: 'LeaseLost' });
    await minutes(4);
    expect(started).toEqual([]);
    await minutes(1);
    expect(started).toHaveLength(1);
    await minutes(2);
    expect(started).toHaveLength(1);
    await minutes(1);
    expect(started).toHaveLength(2);
  });

  it('is known by its incident, also where another execution goes on with it', async () => {
    const { minutes, started, personEnds, base, world } = siteWith(leaseOf());
    await minutes(1);
    await base.incidents.noteFailover('orders', { incident: 'by-hand', execution: 'by-hand-again', at: world.now });
    await personEnds('by-hand', { error: 'ApprovalRefused' });
    await minutes(10);
    expect(started).toEqual([]);
  });
});

it.each<[string, Partial<Parameters<typeof mayTryAgain>[0]>, boolean]>([
  ['a run that opens its incident any moment', { attempt: { execution: 'a', at: NOW - 1_000 } }, false],
  ['a run that never began', { attempt: { execution: 'a', at: NOW - 3 * MINUTE } }, true],
  [
    'a run of an earlier outage',
    { attempt: { execution: 'a', at: NOW - 20 * MINUTE }, before: { outcome: 'aborted', error: 'LagRefused' } },
    true,
  ],
  ['a run that somebody stopped', { attempt: { execution: 'a', at: NOW - 3 * MINUTE }, before: { outcome: 'running' } }, false],
  ['an interrupted run', { attempt: { execution: 'a', at: NOW - 3 * MINUTE }, before: { outcome: 'interrupted' } }, false],
])('after %s', (_, over, start) => {
  const facts = { attempt: undefined, before: undefined, unhealthySince: NOW - 10 * MINUTE, now: NOW, ...over };
  expect(mayTryAgain(facts)).toMatchObject({ start, because: expect.any(String) });
});

describe('a run under way in this site', () => {
  const claimedFor = 24 * 60 * MINUTE;
  const running = async () => {
    const claim = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode: 'failover', expiresAt: NOW + claimedFor } as const;
    const site = siteWith(leaseOf({ claim }));
    const ask = (minutes: number) => askIn(site, minutes);
    return { ...site, ask };
  };

  it('reminds people after 15, 30 and 54 of 60 minutes, further up each time, with the command and without the token', async () => {
    const { ask, minutes, told } = await running();
    await ask(60);
    for (const [until, count] of [
      [14, 0],
      [1, 1],
      [14, 1],
      [1, 2],
      [23, 2],
      [1, 3],
      [10, 3],
    ] as const) {
      // prettier-ignore
      await minutes(until);
      expect(told).toHaveLength(count);
    }
    expect(told.map((text) => /"escalation":"(L\d)"/.exec(text)![1])).toEqual(['L2', 'L3', 'L3']);
    expect(told[0]).toContain('npx lifeboat approve run-1');
    expect(told[0]).toContain('45 min left');
    expect(told.join()).not.toContain('the-task-token');
  });

  it('reminds nobody once it is answered', async () => {
    const { ask, minutes, told, base, world } = await running();
    await ask(60);
    const approvals = new Approvals(base.ledger, base.incidents);
    const given = { verdict: 'approved', by: 'ada', via: 'command', at: new Date(world.now).toISOString(), reason: 'yes' } as const;
    await approvals.answer({ incident: 'run-1', workload: 'orders', now: world.now }, given, async () => 'delivered');
    await minutes(40);
    expect(told).toEqual([]);
  });

  it('is overdue when it has worked for longer than the RTO, and a person’s time is not work', async () => {
    const work = async (asks: boolean, mode: 'failover' | 'restore' = 'failover') => {
      const plan = baseFor().plan;
      const claim = { site: 'recovery', incident: 'run-1', execution: 'run-1', mode } as const;
      const expiresAt = NOW + claimSeconds(plan, plan.workloads[0]!) * 1000; // claimed now
      const site = siteWith(leaseOf({ claim: { ...claim, expiresAt } }));
      if (asks) await askIn(site, 60);
      await site.minutes(7);
      return site.data.filter(({ name }) => name === 'RunOverdue').map(({ value }) => value);
    };
    // The demo's RTO is 300 s: five minutes of work are allowed, a sixth is not.
    expect(await work(false)).toEqual([0, 0, 0, 0, 0, 1, 1]);
    expect(await work(true)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    // How long that takes its own machine bounds.
    expect(await work(false, 'restore')).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });
});
