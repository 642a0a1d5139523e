import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retriesWithin } from '../../infra/retries.ts';

describe('retriesWithin', () => {
  it.each([
    [
      { boundSeconds: 10, intervalSeconds: 1, maxDelaySeconds: 2 },
      { maxAttempts: 5, totalSeconds: 8.5 },
    ], // 1 1.5 2 2 2
    [
      { boundSeconds: 10, intervalSeconds: 2, backoffRate: 1, maxDelaySeconds: 2 },
      { maxAttempts: 5, totalSeconds: 10 },
    ],
    [
      { boundSeconds: 1, intervalSeconds: 1, maxDelaySeconds: 10 },
      { maxAttempts: 1, totalSeconds: 1 },
    ],
    [
      { boundSeconds: 426, intervalSeconds: 1, maxDelaySeconds: 5 },
      { maxAttempts: 87, totalSeconds: 423.125 },
    ],
  ])('%j waits %j', (wait, expected) => {
    expect(retriesWithin(wait)).toEqual(expected);
  });

  it('stays within the bound, and one more would not', () => {
    const wait = fc.record({
      boundSeconds: fc.integer({ min: 10, max: 5_000 }),
      intervalSeconds: fc.integer({ min: 1, max: 5 }),
      maxDelaySeconds: fc.integer({ min: 5, max: 60 }),
      backoffRate: fc.double({ min: 1, max: 3, noNaN: true }),
    });
    fc.assert(
      fc.property(wait, (given) => {
        const { maxAttempts, totalSeconds } = retriesWithin(given);
        const delays = Array.from({ length: maxAttempts + 1 }, (_, n) =>
          Math.min(given.intervalSeconds * given.backoffRate ** n, given.maxDelaySeconds),
        );
        const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
        expect(totalSeconds).toBeCloseTo(sum(delays.slice(0, -1)), 6);
        expect(totalSeconds).toBeLessThanOrEqual(given.boundSeconds);
        expect(sum(delays)).toBeGreaterThan(given.boundSeconds - 1e-6);
      }),
    );
  });

  it('refuses a bound in which nothing fits, and a rhythm that is none', () => {
    expect(() => retriesWithin({ boundSeconds: 1, intervalSeconds: 2, maxDelaySeconds: 5 })).toThrow(/no room for one retry/);
    expect(() => retriesWithin({ boundSeconds: 9, intervalSeconds: 0, maxDelaySeconds: 5 })).toThrow(RangeError);
    expect(() => retriesWithin({ boundSeconds: 9, intervalSeconds: 9, maxDelaySeconds: 5 })).toThrow(RangeError);
  });
});
