import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Flaw, play, type Schedule } from './model.ts';
import { cutOff, falseAlarm, ledgerSilent, schedule, toAndFro } from './schedules.ts';

const SCHEDULES = 10_000;
const TIMEOUT_MS = 240_000;
/** Of the searches for flaws only: they find the same thing each time. */
const FIXED_SEED = 20_261_120;

/** Whoever writes may be cut off while his guards are dead, and nothing else goes wrong. */
const deadGuard: Schedule = {
  weather: { seed: 1, lost: 0, doubled: 0, slow: 0, slowestMs: 0, cuts: [{ site: 'primary', from: 12_000, to: 50_000 }], calmAt: 50_000 },
  clockErrorMs: { primary: 0, recovery: 0 },
  commitLagMs: 0,
  failsafe: true,
  twoLoops: false,
  mishaps: [{ to: 'guard', site: 'primary', at: 12_000, forMs: 38_000, what: 'crash' }],
  runs: [{ site: 'recovery', at: 15_000, mode: 'failover', decisionMs: 3_000, confirmed: true }],
};

it(
  `no schedule of ${SCHEDULES} breaks an invariant: one writer, growing epochs, no promotion without a take, no row lost uncounted, no hang`,
  () => {
    const seen = { takes: 0, promotions: 0, rowsKept: 0 };
    const holds = fc.property(schedule, (each) => {
      const { violations, ...outcome } = play(each);
      for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += outcome[key];
      expect(violations).toEqual([]);
    });
    fc.assert(holds, { numRuns: SCHEDULES });
    // A model in which nothing happens proves nothing.
    expect(seen.takes).toBeGreaterThan(SCHEDULES / 4);
    expect(seen.promotions).toBeGreaterThan(SCHEDULES / 4);
    expect(seen.rowsKept).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

describe('the search finds', () => {
  it.each<[Flaw[], fc.Arbitrary<Schedule>, RegExp]>([
    [['no expiry wait'], cutOff, /^L1/],
    [['no epoch condition'], toAndFro, /^L[12]/],
    [['no skew bound'], cutOff, /^L1/],
    [['no database lease'], cutOff, /^L1/],
    [['renewal counted from its answer'], cutOff, /^L1/],
    [['release before fence'], toAndFro, /^L1/],
    [['promotion without take'], cutOff, /^L3/],
    [['pledging goes on during a take'], ledgerSilent, /^L1/],
    [['a take does not look at the pledge'], ledgerSilent, /^L1/],
    [['policy available'], cutOff, /^L1/],
    [['a late renewal shortens the lease'], cutOff, /^L1/],
    [['a claim fences before the outage is confirmed'], falseAlarm, /^L6/],
    [['a closed epoch can be renewed'], toAndFro, /^L1/],
    [['database deadline counted from the arrival'], cutOff, /^L1/],
    [['a database that is no standby is promoted'], toAndFro, /^L4/],
    // What the database lease forgives, and the guard alone does not.
    [['no database lease', 'logins opened before the renewal'], toAndFro, /^L1/],
  ])(
    '%j',
    (flaws, schedules, invariant) => {
      const found = new Set<string>();
      const isUnharmed = (each: Schedule) => {
        const { violations } = play(each, new Set(flaws));
        for (const violation of violations) found.add(violation);
        return !violations.some((violation) => invariant.test(violation));
      };
      const { failed } = fc.check(fc.property(schedules, isUnharmed), { numRuns: 8_000, seed: FIXED_SEED, endOnFailure: true });
      expect(failed, [...found].join('; ')).toBe(true);
    },
    TIMEOUT_MS,
  );
});

describe('a dead guard, its database alive, its region cut off', () => {
  it('is survived with the database lease', () => {
    expect(play(deadGuard)).toMatchObject({ violations: [], takes: 1, promotions: 1 });
  });

  it('makes two writers without it', () => {
    expect(play(deadGuard, new Set(['no database lease'])).violations).toEqual([expect.stringMatching(/^L1: two writers/)]);
  });
});

describe('a run that only looks, or asks a person, after one that died when the holder had let go', () => {
  // The second one claims as soon as the first one's claim has ended, before the holder's next round, and is answered after 25 s: no.
  const asking: Schedule = {
    ...deadGuard,
    weather: { ...deadGuard.weather, cuts: [] },
    mishaps: [{ to: 'run', site: 'recovery', at: 13_000, forMs: 600_000, what: 'crash' }],
    runs: [
      { site: 'recovery', at: 12_000, mode: 'switchover', decisionMs: 0, confirmed: true },
      { site: 'recovery', at: 42_200, mode: 'failover', decisionMs: 25_000, confirmed: false },
    ],
  };

  it('keeps nobody from serving meanwhile', () => {
    const { violations, refused } = play(asking);
    expect(violations).toEqual([]);
    const kept = play(asking, new Set(['a run that only looks keeps the lease released']));
    // Times at which a client asked, one each 0.7 s.
    expect(kept.refused - refused).toBeGreaterThan(20_000 / 700 - 5);
  });
});

describe('a ledger that nobody reaches, for longer than a lease lasts', () => {
  const cuts = (['primary', 'recovery'] as const).map((site) => ({ site, from: 12_000, to: 50_000, only: 'ledger' as const }));
  const silence: Schedule = { ...deadGuard, weather: { ...deadGuard.weather, cuts }, mishaps: [], runs: [] };
  /** The loop that knew the lease ends, and the next one begins without it. */
  const handover: Schedule = {
    ...silence,
    twoLoops: true,
    mishaps: [{ to: 'guard', site: 'primary', at: 30_000, forMs: 1_000, what: 'crash' }],
  };

  it.each([
    ['', silence],
    [', also across a hand-over of the loops', handover],
  ])('stops no write while the other site pledges%s', (_, each) => {
    expect(play(each)).toMatchObject({ violations: [], refused: 0, takes: 0 });
  });

  it('stops the writes in time while the other site does not answer', () => {
    const alone = { ...silence, weather: { ...silence.weather, cuts: [{ site: 'primary' as const, from: 12_000, to: 50_000 }] } };
    const { violations, refused } = play(alone);
    expect(violations).toEqual([]);
    expect(refused).toBeGreaterThan(0);
  });

  it('stops the writes of every workload without the failsafe', () => {
    const { violations, refused } = play({ ...silence, failsafe: false });
    expect(violations).toEqual([]);
    expect(refused).toBeGreaterThan(0);
  });

  it('stops no write under the policy available, pledge or no pledge', () => {
    expect(play({ ...silence, failsafe: false }, new Set(['policy available']))).toMatchObject({ violations: [], refused: 0 });
  });
});
