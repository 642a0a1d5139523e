import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import demo from '../../environments/demo.ts';
import { Guard } from '../../lambdas/detection/guard.ts';
import { Handover } from '../../lambdas/detection/handover.ts';
import { runLoop } from '../../lambdas/detection/loop.ts';
import { HANDOVER_CHECK_MS, LONGEST_LOOP_MS, readiness } from '../../lambdas/detection/watch.ts';
import { databaseOf, leaseOf } from '../kit/services.ts';
import { randomOf } from '../lease/model/engine.ts';

const MINUTE = 60_000;
/** From the start of a function to its first round, when its region is slow. */
const COLD_START_MS = 5_000;
const renewEveryMs = demo.lease.renewEverySeconds * 1000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A region whose loop is started each minute, some milliseconds late or not at all, and what its guards did. */
class Region {
  readonly renewedAt: number[] = [];
  readonly openedAt: number[] = [];
  readonly ends: string[] = [];
  readonly fencedAt: number[] = [];
  alive = 0;
  most = 0;
  private newest?: string;

  /** `opens`: does a loop that began at this time reach the database now? */
  constructor(
    starts: readonly (number | 'lost')[],
    private readonly opens: (begunAt: number) => boolean = () => true,
  ) {
    for (const [minute, late] of starts.entries()) {
      if (late !== 'lost') setTimeout(() => void this.start(), minute * MINUTE + late + COLD_START_MS);
    }
  }

  /** The longest time without a renewal, in the ledger as a rule, between these two. */
  longestGapMs(from: number, to: number, renewals = this.renewedAt): number {
    const times = [from, ...renewals.filter((at) => at > from && at < to), to];
    return Math.max(...times.slice(1).map((at, i) => at - times[i]!));
  }

  private async start(): Promise<void> {
    const guard = this.guard();
    const handover = new Handover(
      randomUUID(),
      this.loops,
      readiness([guard], () => performance.now()),
    );
    this.most = Math.max(this.most, ++this.alive);
    const duties = [
      { periodMs: renewEveryMs, round: () => guard.round() },
      { periodMs: 1_000, round: () => guard.closeWhenOverdue() },
    ];
    const ending = await runLoop(duties, { mayEnd: () => handover.look(), lookEveryMs: HANDOVER_CHECK_MS, longestMs: LONGEST_LOOP_MS });
    this.alive--;
    this.ends.push(ending);
  }

  private readonly loops = {
    beginLoop: async (id: string) => {
      this.newest = id;
    },
    newestLoop: async () => this.newest,
  };

  private guard(): Guard {
    const lease = leaseOf();
    const begunAt = performance.now();
    return new Guard(demo.workloads[0]!, {
      plan: demo,
      site: 'primary',
      ledger: {
        lease: async () => lease,
        createLease: async () => true,
        renew: async () => this.renewedAt.push(performance.now()) > 0,
        release: async () => true,
        retake: async () => true,
      },
      databases: [
        databaseOf({
          open: async () => {
            if (!this.opens(begunAt)) throw new Error('cannot connect');
            this.openedAt.push(performance.now());
            return 'renewed';
          },
          fence: async () => {
            this.fencedAt.push(performance.now());
            return { finalLsn: '0/1', endedSessions: 0, proof: '' };
          },
        }),
      ],
      pledges: { ask: async () => true },
      standings: { last: async () => undefined, keep: async () => undefined },
      now: Date.now,
      monotonic: () => performance.now(),
      log: () => {},
    });
  }
}

const MINUTES = 20;
const live = async (starts: readonly (number | 'lost')[], opens?: (begunAt: number) => boolean): Promise<Region> => {
  const region = new Region(starts, opens);
  await vi.advanceTimersByTimeAsync(MINUTES * MINUTE);
  return region;
};
/** From the second minute on: the first start may be late like any other. */
const gapOf = (region: Region) => region.longestGapMs(2 * MINUTE, MINUTES * MINUTE);

describe("a region's loops", () => {
  const minutes = Array.from({ length: MINUTES });
  const random = randomOf(20_261_127);
  it.each<[string, (number | 'lost')[]]>([
    ['in time', minutes.map(() => 0)],
    ['a minute late every second time', minutes.map((_, i) => (i % 2 ? MINUTE : 0))],
    ['late by anything up to a minute', minutes.map(() => Math.floor(random() * MINUTE))],
    ['in time, one lost, the next one late', minutes.map((_, i) => (i === 6 ? 'lost' : i === 7 ? MINUTE : 0))],
  ])('hand over without a gap when starts come %s', async (_, starts) => {
    const region = await live(starts);
    expect(gapOf(region)).toBeLessThanOrEqual(renewEveryMs + 100);
    expect(region.fencedAt).toEqual([]);
    // One loop and the next one while it begins; a late start and the one after it may come together. More would cost more.
    expect(region.most).toBeLessThanOrEqual(3);
    expect(region.ends.length).toBeGreaterThan(MINUTES / 2 - 2);
    expect(new Set(region.ends)).toEqual(new Set(['successor']));
  });

  it('leave a gap when two starts in a row are lost: the test sees gaps', async () => {
    const region = await live(minutes.map((_, i) => (i === 6 || i === 7 ? 'lost' : i === 8 ? MINUTE : 0)));
    expect(gapOf(region)).toBeGreaterThan(renewEveryMs + 100);
  });

  it('do not end for one that does not get at the database: what the loop before it knows must last as long as it does', async () => {
    const [from, to] = [5.5 * MINUTE, 8 * MINUTE];
    const started = performance.now();
    const now = () => performance.now() - started;
    const cold = (begunAt: number) => begunAt - started > from && now() < to;
    const region = await live(
      minutes.map(() => 0),
      (begunAt) => !cold(begunAt),
    );
    expect(region.longestGapMs(started + 2 * MINUTE, started + MINUTES * MINUTE, region.openedAt)).toBeLessThanOrEqual(renewEveryMs + 100);
  });

  it.each([0, 15, 30, 45, 55])(
    'leave no gap after an outage of the database that outlasted a loop, %s s after a start',
    async (seconds) => {
      const started = performance.now();
      const back = 9 * MINUTE + seconds * 1000;
      const isDown = () => performance.now() - started > 5 * MINUTE && performance.now() - started < back;
      const lateAfterwards = minutes.map((_, i) => (i < 10 ? 0 : MINUTE));
      const region = await live(lateAfterwards, () => !isDown());
      const from = started + back + 2 * renewEveryMs;
      expect(region.longestGapMs(from, started + MINUTES * MINUTE, region.openedAt)).toBeLessThanOrEqual(renewEveryMs + 100);
    },
  );
});
