import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activationBoundSeconds, runBoundSeconds, totalSeconds, waitBoundsOf, waitsOf } from '../../environments/budget.ts';
import { defineEnvironment } from '../../environments/define.ts';
import demo from '../../environments/demo.ts';
import { environment, workload } from './fixtures.ts';

describe('the budget', () => {
  it('adds the demo up', () => {
    const [orders] = demo.workloads;
    expect(waitsOf(demo, orders!).map(({ seconds }) => seconds)).toEqual([37, 5, 15, 120, 10, 20]);
    expect(totalSeconds(waitsOf(demo, orders!))).toBe(207);
    // 300 s promised, 87 s for all but the activation: what is left, twice.
    expect(activationBoundSeconds(demo, orders!)).toBe(426);
  });

  it('counts of the lease only what outlasts detection', () => {
    const patient = defineEnvironment(environment({ lease: { ttlSeconds: 120 } }));
    const [, , decision] = waitsOf(patient, patient.workloads[0]!);
    // 120 s + 1 s skew, less 10 + 4 + 30 + 10 s of detection and 5 s of start, beside 15 s of decisions.
    expect(decision!.seconds).toBe(15 + 121 - 54 - 5);
  });

  it('gives every accepted environment bounds that hold what they must', () => {
    const input = fc.record({
      rtoSeconds: fc.integer({ min: 60, max: 3_600 }),
      intervalSeconds: fc.integer({ min: 5, max: 10 }),
      confirmationSeconds: fc.integer({ min: 1, max: 60 }).map((tens) => tens * 10),
      ttlSeconds: fc.integer({ min: 16, max: 120 }),
      dnsSeconds: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(input, ({ rtoSeconds, intervalSeconds, confirmationSeconds, ttlSeconds, dnsSeconds }) => {
        const written = environment({
          detection: { intervalSeconds, confirmationSeconds, references: ['https://reference.example.net/'] },
          lease: { ttlSeconds },
          dns: { ttlSeconds: dnsSeconds },
          workloads: [workload('orders', { objectives: { rtoSeconds, rpoSeconds: 60 } })],
        });
        let accepted: ReturnType<typeof defineEnvironment>;
        try {
          accepted = defineEnvironment(written);
        } catch {
          return; // the RTO was too small, which has its own test
        }
        const [orders] = accepted.workloads;
        expect(totalSeconds(waitsOf(accepted, orders!))).toBeLessThanOrEqual(rtoSeconds);
        const bounds = waitBoundsOf(accepted, orders!);
        expect(bounds.TakeLease).toBeGreaterThan(ttlSeconds + accepted.lease.maxClockSkewSeconds);
        expect(Math.min(...Object.values(bounds))).toBeGreaterThanOrEqual(15);
        expect(runBoundSeconds(accepted, orders!)).toBeGreaterThan(Object.values(bounds).reduce((sum, seconds) => sum + seconds, 0));
      }),
    );
  });
});
