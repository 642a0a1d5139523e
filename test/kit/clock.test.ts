import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClockWatch, settleClock } from '../../lambdas/kit/clock.ts';
import { NOW } from './services.ts';

const BOUND_MS = 1_000;
const LIMIT_MS = BOUND_MS / 2;

/** A server with the right time, asked by a clock that is wrong by so much. */
const worldOf = (errorMs: number) => {
  const clock = new ClockWatch();
  let time = NOW;
  const look = async (there = 5, back = 5) => {
    const date = Math.floor((time + there) / 1000) * 1000;
    clock.note({ askedAt: time + errorMs, answeredAt: time + there + back + errorMs, date });
    time += there + back;
  };
  const sleep = async (ms: number) => {
    time += ms;
  };
  return { clock, look, sleep, now: () => time };
};

const errors = fc.integer({ min: -5_000, max: 5_000 });
const looks = fc.array(fc.record({ after: fc.integer({ min: 0, max: 5_000 }), there: fc.nat(800), back: fc.nat(800) }), {
  minLength: 1,
  maxLength: 40,
});

describe('clock', () => {
  it('lies between the bounds that are told, whatever the answers took and whenever they came', async () => {
    const holds = fc.asyncProperty(errors, looks, async (errorMs, times) => {
      const { clock, look, sleep } = worldOf(errorMs);
      for (const { after, there, back } of times) {
        await sleep(after);
        await look(there, back);
      }
      const { lowMs, highMs } = clock.error!;
      expect(lowMs).toBeLessThanOrEqual(errorMs);
      expect(highMs).toBeGreaterThanOrEqual(errorMs);
      // Two sites that pass differ by no more than the bound; a clock that is well is never called wrong.
      if (clock.verdict(BOUND_MS) === 'within') expect(Math.abs(errorMs)).toBeLessThanOrEqual(LIMIT_MS);
      if (clock.verdict(BOUND_MS) === 'over') expect(Math.abs(errorMs)).toBeGreaterThan(LIMIT_MS / 2);
    });
    await fc.assert(holds, { numRuns: 2_000 });
  });

  it.each([
    [0, 'within'],
    [200, 'within'],
    [-200, 'within'],
    [501, 'over'],
    [-501, 'over'],
    [3_000, 'over'],
  ])(
    "an error of %i ms is known as '%s' after the looks of 21 s, a tenth of a second apart within the second",
    async (errorMs, verdict) => {
      const { clock, look, sleep } = worldOf(errorMs);
      for (let i = 0; i < 10; i++) {
        await look();
        await sleep(2_100 - 10);
      }
      expect(clock.error!.highMs - clock.error!.lowMs).toBeLessThanOrEqual(120);
      expect(clock.verdict(BOUND_MS)).toBe(verdict);
    },
  );

  it('is unknown before the first answer, and while one answer leaves a second of doubt', async () => {
    const { clock, look } = worldOf(0);
    expect(clock.verdict(BOUND_MS)).toBe('unknown');
    await look();
    expect(clock.verdict(BOUND_MS)).toBe('unknown');
  });

  it('is known at once when it is wrong by more than the doubt, and forgets what was before it was set', async () => {
    const { clock, look } = worldOf(-1_700);
    await look();
    expect(clock.verdict(BOUND_MS)).toBe('over');
    clock.note({ askedAt: NOW, answeredAt: NOW + 10, date: NOW });
    expect(clock.error).toEqual({ lowMs: -1_000, highMs: 10 });
  });

  it('is settled within a second where somebody waits for it, and stays unknown where answers take long', async () => {
    for (const [errorMs, verdict] of [
      [0, 'within'],
      [700, 'over'],
    ] as const) {
      const { clock, look, ...time } = worldOf(errorMs);
      expect(await settleClock(clock, BOUND_MS, () => look(), time)).toBe(verdict);
      expect(time.now() - NOW).toBeLessThanOrEqual(1_000);
    }
    const { clock, look, ...time } = worldOf(0);
    expect(await settleClock(clock, BOUND_MS, () => look(900, 900), time)).toBe('unknown');
    expect(time.now() - NOW).toBeLessThanOrEqual(3_000 + 2 * 1_800);
  });
});
