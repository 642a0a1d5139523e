import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Alarms } from '../../../lab/cloudwatch/alarms.ts';
import { MetricStore } from '../../../lab/cloudwatch/metrics.ts';
import { THREE_ROUNDS_WITHIN_MS } from '../../../lab/drill/patience.ts';

const MINUTE_MS = 60_000;
/** A schedule's start comes up to 2 s late (lab/scheduler), and its function takes its time. */
const LATE_MS = 2_000;
const LOOK_MS = 30_000;
const RUNS = 20;

const alarm: MetricAlarm = {
  AlarmName: 'orders-backup-late',
  Namespace: 'Lifeboat',
  MetricName: 'BackupLate',
  Statistic: 'Maximum',
  Period: 60,
  EvaluationPeriods: 3,
  Threshold: 1,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  TreatMissingData: 'breaching',
};

interface Timing {
  /** Of the runs that put data, and of the evaluations: within a minute. */
  runAt: number;
  evaluatedAt: number;
  lateBy: number[];
  /** From then on runs put what is bad. */
  badSince: number;
}

/** After how many milliseconds of what is bad the alarm fires. */
function firesAfter({ runAt, evaluatedAt, lateBy, badSince }: Timing): number {
  const metrics = new MetricStore();
  let firedAt = Number.POSITIVE_INFINITY;
  const alarms = new Alarms(metrics, (_alarm, _previous, { value, at }) => {
    if (value === 'ALARM' && at.getTime() > badSince) firedAt = Math.min(firedAt, at.getTime());
  });
  const runs = lateBy.map((late, index) => runAt + index * MINUTE_MS + late);
  const looks = lateBy.map((_, index) => evaluatedAt + index * MINUTE_MS);
  const events = [...runs.map((at) => ({ at, put: true })), ...looks.map((at) => ({ at, put: false }))].sort((a, b) => a.at - b.at);
  for (const { at, put } of events) {
    const datum = { MetricName: alarm.MetricName, Value: at > badSince ? 1 : 0, Timestamp: new Date(at), StorageResolution: 1 };
    if (put) metrics.put('Lifeboat', datum, at);
    else alarms.evaluate([alarm], at, MINUTE_MS - 5_000);
  }
  return firedAt - badSince;
}

test('an alarm over three minutes fires within the time that drills give it, wherever the minutes lie that get no data', () => {
  const within = (ms: number) => fc.integer({ min: 0, max: ms });
  const timing = fc.record({
    runAt: fc.oneof(within(MINUTE_MS), fc.integer({ min: MINUTE_MS - LATE_MS, max: MINUTE_MS })),
    evaluatedAt: within(MINUTE_MS),
    lateBy: fc.array(within(LATE_MS), { minLength: RUNS, maxLength: RUNS }),
    badSince: fc.integer({ min: 6 * MINUTE_MS, max: 7 * MINUTE_MS }),
  });
  fc.assert(
    fc.property(timing, (drawn) => firesAfter(drawn) <= THREE_ROUNDS_WITHIN_MS - LOOK_MS),
    { numRuns: 2_000 },
  );
});

test('a minute that gets no data, since a run was late and the next one was not, makes it a minute later', () => {
  const steady = { runAt: 59_000, evaluatedAt: 57_000, lateBy: Array<number>(RUNS).fill(1_500), badSince: 448_000 };
  const lateBy = steady.lateBy.map((late, run) => (run === 9 ? 0 : late));
  expect(firesAfter(steady)).toBe(269_000);
  expect(firesAfter({ ...steady, lateBy })).toBe(329_000);
});
