import { describe, expect, it } from 'vitest';
import { recurrence, ScheduleExpressionInvalid, translateCron } from '../../../lab/scheduler/expression.ts';

const anchor = Date.parse('2026-11-20T10:00:00Z');

/** The first times of a schedule after 2026-11-20 10:00 UTC, a Friday. */
function times(expression: string, count = 1, timezone?: string, from = '2026-11-20T10:00:00Z'): string[] {
  const next = recurrence(expression, { timezone, anchor });
  const found: string[] = [];
  for (let at = next(Date.parse(from)); at !== undefined && found.length < count; at = next(at))
    found.push(new Date(at).toISOString().slice(0, 16));
  return found;
}

describe('cron', () => {
  it.each([
    ['cron(0 8 ? * MON-FRI *)', ['2026-11-23T08:00', '2026-11-24T08:00']],
    ['cron(0 8 ? * 2-6 *)', ['2026-11-23T08:00', '2026-11-24T08:00']],
    ['cron(0 8 ? * 1 *)', ['2026-11-22T08:00', '2026-11-29T08:00']],
    ['cron(0 8 ? * 7 *)', ['2026-11-21T08:00', '2026-11-28T08:00']],
    ['cron(0 8 ? * L *)', ['2026-11-21T08:00', '2026-11-28T08:00']],
    ['cron(0 8 ? * 6L *)', ['2026-11-27T08:00', '2026-12-25T08:00']],
    ['cron(0 8 ? * 3#1 *)', ['2026-12-01T08:00', '2027-01-05T08:00']],
    ['cron(0 8 1 * ? *)', ['2026-12-01T08:00', '2027-01-01T08:00']],
    ['cron(0 8 L * ? *)', ['2026-11-30T08:00', '2026-12-31T08:00']],
    ['cron(0 8 15W * ? *)', ['2026-12-15T08:00', '2027-01-15T08:00']],
    ['cron(0/15 * * * ? *)', ['2026-11-20T10:15', '2026-11-20T10:30']],
    ['cron(5/25 11 * * ? *)', ['2026-11-20T11:05', '2026-11-20T11:30']],
    ['cron(0 */6 * * ? *)', ['2026-11-20T12:00', '2026-11-20T18:00']],
    ['cron(0 0 1 JAN,JUL ? 2027-2028)', ['2027-01-01T00:00', '2027-07-01T00:00']],
    ['cron(0 0 1 1 ? 2020)', []],
  ])('%s', (expression, expected) => {
    expect(times(expression, 2)).toEqual(expected);
  });

  it('is read in its time zone, summer and winter', () => {
    expect(times('cron(0 8 * * ? *)', 2, 'Europe/Berlin', '2026-03-27T12:00:00Z')).toEqual(['2026-03-28T07:00', '2026-03-29T06:00']);
  });

  it('skips a time that does not exist when clocks go forward, and comes once when they go back', () => {
    expect(times('cron(30 2 * * ? *)', 2, 'Europe/Berlin', '2026-03-28T00:00:00Z')).toEqual(['2026-03-28T01:30', '2026-03-30T00:30']);
    expect(times('cron(30 2 * * ? *)', 2, 'Europe/Berlin', '2026-10-24T12:00:00Z')).toEqual(['2026-10-25T00:30', '2026-10-26T01:30']);
  });

  it('translates days of the week, and nothing else', () => {
    expect(translateCron('0/5 1-7 ? * 1,3-5,7/2 2027')).toBe('0 0-59/5 1-7 ? * 0,2-4,6-6/2 2027');
  });
});

describe('rate', () => {
  it.each([
    ['rate(1 minute)', ['2026-11-20T10:01', '2026-11-20T10:02']],
    ['rate(12 hours)', ['2026-11-20T22:00', '2026-11-21T10:00']],
    ['rate(7 days)', ['2026-11-27T10:00', '2026-12-04T10:00']],
  ])('%s', (expression, expected) => {
    expect(times(expression, 2)).toEqual(expected);
  });
});

describe('at', () => {
  it('comes once, in its time zone', () => {
    expect(times('at(2026-11-21T08:00:00)', 2, 'America/New_York')).toEqual(['2026-11-21T13:00']);
    expect(times('at(2026-11-19T08:00:00)', 2)).toEqual([]);
  });
});

it.each(['rate(0 minutes)', 'rate(5 weeks)', 'cron(0 8 * * *)', 'cron(0 8 * * * *)', 'cron(0 8 ? * ? *)', 'at(tomorrow)', 'every day'])(
  'refuses %s',
  (expression) => {
    expect(() => recurrence(expression, { anchor })).toThrow(ScheduleExpressionInvalid);
  },
);
