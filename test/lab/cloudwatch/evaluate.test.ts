import { describe, expect, test } from 'vitest';
import { type Comparison, evaluate, evaluationRange, type Rule, type TreatMissingData } from '../../../lab/cloudwatch/evaluate.ts';
import type { Sample } from '../../../lab/cloudwatch/metrics.ts';
import { statistic } from '../../../lab/cloudwatch/statistics.ts';

const TREATMENTS: TreatMissingData[] = ['missing', 'ignore', 'breaching', 'notBreaching'];
const STATES: Record<string, string> = { OK: 'OK', AL: 'ALARM', '??': 'INSUFFICIENT_DATA', '==': 'unchanged' };

/** '0 X - X X' in the guide's notation, oldest first. */
const points = (text: string) =>
  text.split(' ').map((mark, index) => ({ at: new Date(index), value: mark === '-' ? undefined : mark === 'X' ? 10 : 0 }));

const rule = (over: Partial<Rule>): Rule => ({
  comparison: 'GreaterThanThreshold',
  threshold: 5,
  evaluationPeriods: 3,
  datapointsToAlarm: 3,
  treatMissingData: 'missing',
  ...over,
});

// Columns: missing, ignore, breaching, notBreaching, as in the guide.
describe.each<[string, number, string[][]]>([
  [
    '3 out of 3',
    3,
    [
      ['0 - X - X', 'OK OK OK OK'],
      ['- - - - 0', 'OK OK OK OK'],
      ['0 - - - -', 'OK OK OK OK'],
      ['- - - - -', '?? == AL OK'],
      ['0 X X - X', 'AL AL AL AL'],
      ['- - X - -', 'AL == AL OK'],
      ['X - - - -', 'AL == AL OK'],
      ['- - - - X', '?? == AL OK'],
      ['- - - X -', '?? == AL OK'],
      ['- - - X 0', 'OK OK OK OK'],
      ['0 0 X X X', 'AL AL AL AL'],
      ['X X X X 0', 'OK OK OK OK'],
    ],
  ],
  [
    '2 out of 3',
    2,
    [
      ['0 - X - X', 'AL AL AL AL'],
      ['0 0 X 0 X', 'AL AL AL AL'],
      ['0 - X - -', 'OK OK AL OK'],
      ['- - - - 0', 'OK OK AL OK'],
      ['- - - X -', 'AL == AL OK'],
      ['- - - - X', '?? == AL OK'],
    ],
  ],
])('%s', (_, datapointsToAlarm, rows) => {
  test.each(rows)('%s -> %s', (range, expected) => {
    const states = TREATMENTS.map((treatMissingData) => evaluate(rule({ datapointsToAlarm, treatMissingData }), points(range!)).state);
    expect(states).toEqual(expected!.split(' ').map((state) => STATES[state]));
  });
});

test.each<[Comparison, string]>([
  ['GreaterThanThreshold', 'OK OK ALARM'],
  ['GreaterThanOrEqualToThreshold', 'OK ALARM ALARM'],
  ['LessThanThreshold', 'ALARM OK OK'],
  ['LessThanOrEqualToThreshold', 'ALARM ALARM OK'],
])('%s, for values below, at and above the threshold', (comparison, expected) => {
  const states = [4, 5, 6].map(
    (value) => evaluate(rule({ comparison, evaluationPeriods: 1, datapointsToAlarm: 1 }), [{ at: new Date(0), value }]).state,
  );
  expect(states.join(' ')).toBe(expected);
});

test('only the newest data points count, and the range is larger than the evaluation periods', () => {
  expect(evaluationRange(3)).toBe(5);
  const { evaluated, breaching, filled } = evaluate(rule({}), points('X X 0 - X'));
  expect(evaluated.map(({ at }) => at.getTime())).toEqual([1, 2, 4]);
  expect({ breaching, filled }).toEqual({ breaching: 2, filled: 0 });
});

describe('statistics of a period', () => {
  const sample = (values: [number, number][]): Sample => ({
    at: 0,
    unit: 'None',
    count: values.reduce((sum, [, count]) => sum + count, 0),
    sum: values.reduce((sum, [value, count]) => sum + value * count, 0),
    minimum: Math.min(...values.map(([value]) => value)),
    maximum: Math.max(...values.map(([value]) => value)),
    values: values.map(([value, count]) => ({ value, count })),
  });
  const samples = [
    sample([[1, 1]]),
    sample([
      [2, 8],
      [100, 1],
    ]),
  ];
  test.each([
    ['SampleCount', 10],
    ['Sum', 117],
    ['Average', 11.7],
    ['Minimum', 1],
    ['Maximum', 100],
    ['p50', 2],
    ['p90', 2],
    ['p99.9', 100],
  ])('%s', (name, value) => {
    expect(statistic(name, samples)).toBeCloseTo(value);
  });
  test('no samples, no value; no percentile of statistic sets', () => {
    expect(statistic('Average', [])).toBeUndefined();
    expect(statistic('p50', [{ ...samples[0]!, values: undefined }])).toBeUndefined();
  });
});
