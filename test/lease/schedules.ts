import fc from 'fast-check';
import { PARAMETERS } from './model/state.ts';
import type { Schedule } from './model.ts';

const CALM_AT_MS = 50_000;
const HALF_SKEW_MS = PARAMETERS.maxClockSkewMs / 2;

const site = fc.constantFrom('primary' as const, 'recovery' as const);
const time = fc.integer({ min: 0, max: CALM_AT_MS });
const span = fc.integer({ min: 500, max: 45_000 });
const between = (min: number, max: number) => fc.integer({ min, max });

const failsafe = fc.constantFrom(true, true, false);

const only = fc.constantFrom(undefined, undefined, 'ledger' as const);
const cut = fc.record({ site, from: time, length: span, only }).map(({ length, from, ...rest }) => ({ ...rest, from, to: from + length }));
const clockErrorMs = fc.oneof(fc.constantFrom(-HALF_SKEW_MS, HALF_SKEW_MS), between(-HALF_SKEW_MS, HALF_SKEW_MS));
const clocks = fc.record({ primary: clockErrorMs, recovery: clockErrorMs });
const commitLagMs = fc.constantFrom(0, PARAMETERS.fenceLeadMs / 2, PARAMETERS.fenceLeadMs - 1);

const mishap = fc.record({
  to: fc.constantFrom('guard' as const, 'second guard' as const, 'run' as const, 'reconciler' as const),
  site,
  at: time,
  forMs: span,
  what: fc.constantFrom('pause' as const, 'crash' as const),
});

const runOf = (at: fc.Arbitrary<number>, longestDecisionMs: number) =>
  fc.record({
    site: fc.constantFrom('recovery' as const, 'recovery' as const, 'primary' as const),
    at,
    mode: fc.constantFrom('failover' as const, 'switchover' as const),
    decisionMs: between(0, longestDecisionMs),
    confirmed: fc.constantFrom(true, true, true, false),
  });

/** Everything that may go wrong, together. */
const anything: fc.Arbitrary<Schedule> = fc.record({
  weather: fc.record({
    seed: fc.nat(),
    lost: fc.constantFrom(0, 0, 3, 15),
    doubled: fc.constantFrom(0, 5, 20),
    slow: fc.constantFrom(0, 2, 15),
    slowestMs: fc.constantFrom(3_000, 20_000),
    cuts: fc.array(cut, { maxLength: 2 }),
    calmAt: fc.constant(CALM_AT_MS),
  }),
  clockErrorMs: clocks,
  commitLagMs,
  failsafe,
  twoLoops: fc.boolean(),
  mishaps: fc.array(mishap, { maxLength: 4 }),
  runs: fc.array(runOf(time, 20_000), { maxLength: 3 }),
});

/** The active site is cut off, alive or with its guards dead, and the other one fails over: what matters are fractions of a second. */
export const cutOff: fc.Arbitrary<Schedule> = fc
  .record({
    from: between(4_000, 20_000),
    seed: fc.nat(),
    slow: fc.constantFrom(0, 15, 50),
    clockErrorMs: clocks,
    deadGuards: fc.boolean(),
  })
  .chain(({ from, seed, slow, clockErrorMs, deadGuards }) =>
    fc.record<Schedule>({
      weather: fc.record({
        seed: fc.constant(seed),
        lost: fc.constant(0),
        doubled: fc.constant(0),
        slow: fc.constant(slow),
        slowestMs: fc.constantFrom(3_500, 20_000),
        slowOnly: fc.constantFrom(undefined, 'second guard'),
        cuts: fc.constant([{ site: 'primary' as const, from, to: CALM_AT_MS }]),
        calmAt: fc.constant(CALM_AT_MS),
      }),
      clockErrorMs: fc.constant(clockErrorMs),
      commitLagMs,
      failsafe,
      twoLoops: fc.boolean(),
      mishaps: fc.constant(
        deadGuards
          ? (['guard', 'second guard'] as const).map((to) => ({
              to,
              site: 'primary' as const,
              at: from,
              forMs: 40_000,
              what: 'crash' as const,
            }))
          : [],
      ),
      runs: fc.tuple(
        fc.record({
          site: fc.constant('recovery' as const),
          at: between(from, from + 10_000),
          mode: fc.constant('failover' as const),
          decisionMs: between(0, 8_000),
          confirmed: fc.constant(true),
        }),
      ),
    }),
  );

/** Two loops in each site, moves to and fro, and messages that arrive when nobody thinks of them any more. */
export const toAndFro: fc.Arbitrary<Schedule> = fc.record({
  weather: fc.record({
    seed: fc.nat(),
    lost: fc.constantFrom(0, 3),
    doubled: fc.constantFrom(0, 40),
    slow: fc.constantFrom(5, 25),
    slowestMs: fc.constantFrom(4_000, 20_000),
    cuts: fc.constant([]),
    calmAt: fc.constant(CALM_AT_MS),
  }),
  clockErrorMs: clocks,
  commitLagMs,
  failsafe,
  twoLoops: fc.constant(true),
  mishaps: fc.array(mishap, { maxLength: 1 }),
  runs: fc.array(runOf(between(0, 40_000), 6_000), { minLength: 2, maxLength: 5 }),
});

const moveTo = (site: 'primary' | 'recovery', earliest: number, latest: number) =>
  fc.record({
    site: fc.constant(site),
    at: between(earliest, latest),
    mode: fc.constant('failover' as const),
    decisionMs: fc.constant(0),
    confirmed: fc.constant(true),
  });

/** A move and soon the move back, while what an old loop said in the first one is still on its way. */
const thereAndBack: fc.Arbitrary<Schedule> = fc.record({
  weather: fc.record({
    seed: fc.nat(),
    lost: fc.constant(0),
    doubled: fc.constant(60),
    slow: fc.constant(70),
    slowestMs: fc.constant(20_000),
    slowOnly: fc.constant('guard'),
    cuts: fc.constant([]),
    calmAt: fc.constant(CALM_AT_MS),
  }),
  clockErrorMs: clocks,
  commitLagMs,
  failsafe,
  twoLoops: fc.constant(true),
  mishaps: fc.constant([]),
  runs: fc.tuple(moveTo('recovery', 2_000, 4_000), moveTo('primary', 16_000, 28_000)),
});

/**
 * The holder does not reach the ledger and lives by pledges; the other site reaches it sooner or later, and fails over. Guards sleep for
 * longer than a pledge lasts, or die and are followed by others; pledges are asked for, and come through, at the worst moment.
 */
export const ledgerSilent: fc.Arbitrary<Schedule> = fc
  .record({ from: between(6_000, 20_000), backAt: between(6_000, 40_000), sleepAt: between(8_000, 40_000) })
  .chain(({ from, backAt, sleepAt }) =>
    fc.record<Schedule>({
      weather: fc.record({
        seed: fc.nat(),
        lost: fc.constantFrom(0, 5),
        doubled: fc.constantFrom(0, 30),
        slow: fc.constantFrom(0, 5, 30),
        slowestMs: fc.constantFrom(1_900, 20_000),
        cuts: fc.constant([
          { site: 'primary' as const, from, to: CALM_AT_MS, only: 'ledger' as const },
          { site: 'recovery' as const, from, to: backAt, only: 'ledger' as const },
        ]),
        calmAt: fc.constant(CALM_AT_MS),
      }),
      clockErrorMs: clocks,
      commitLagMs,
      failsafe: fc.constant(true),
      twoLoops: fc.boolean(),
      mishaps: fc.array(
        fc.record({
          to: fc.constantFrom('guard' as const, 'guard' as const, 'second guard' as const),
          site: fc.constant('primary' as const),
          at: between(Math.max(0, sleepAt - 3_000), sleepAt + 3_000),
          forMs: between(500, 30_000),
          what: fc.constantFrom('pause' as const, 'crash' as const),
        }),
        { maxLength: 2 },
      ),
      runs: fc.array(runOf(between(from, 45_000), 4_000), { minLength: 1, maxLength: 3 }),
    }),
  );

/** Nothing is wrong but the alarm: runs begin, look, and find no outage. */
export const falseAlarm: fc.Arbitrary<Schedule> = fc.record({
  weather: fc.record({
    seed: fc.nat(),
    lost: fc.constant(0),
    doubled: fc.constant(0),
    slow: fc.constant(0),
    slowestMs: fc.constant(0),
    cuts: fc.constant([]),
    calmAt: fc.constant(CALM_AT_MS),
  }),
  clockErrorMs: clocks,
  commitLagMs,
  failsafe,
  twoLoops: fc.boolean(),
  mishaps: fc.constant([]),
  runs: fc.array(
    runOf(time, 20_000).map((run) => ({ ...run, confirmed: false })),
    { minLength: 1, maxLength: 3 },
  ),
});

export const schedule: fc.Arbitrary<Schedule> = fc.oneof(
  { weight: 4, arbitrary: anything },
  { weight: 4, arbitrary: cutOff },
  { weight: 4, arbitrary: toAndFro },
  { weight: 4, arbitrary: thereAndBack },
  { weight: 4, arbitrary: ledgerSilent },
  { weight: 1, arbitrary: falseAlarm },
);
