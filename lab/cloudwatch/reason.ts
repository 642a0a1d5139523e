import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { AlarmState, Evaluation, TreatMissingData } from './evaluate.ts';

export interface AlarmStatus {
  value: AlarmState;
  reason: string;
  /** JSON, as DescribeAlarms and the alarm's events carry it. */
  reasonData?: string;
  /** Since when the alarm is in this state. */
  at: Date;
}

/** Times in alarm events and reasons have no colon in their zone: `2026-11-20T10:00:00.000+0000`. */
export const eventTime = (at: Date): string => at.toISOString().replace('Z', '+0000');

/** A store may answer with empty text for what an alarm does not have. */
export const statisticOf = (alarm: MetricAlarm): string => alarm.Statistic || alarm.ExtendedStatistic || '';

const COMPARISON_WORDS: Record<string, string> = {
  GreaterThanThreshold: 'greater than',
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
};

/** The state that an evaluation put an alarm into, in CloudWatch's words. */
export function status(alarm: MetricAlarm, value: AlarmState, evaluation: Evaluation, at: Date): AlarmStatus {
  return { value, reason: reasonText(alarm, value, evaluation), reasonData: JSON.stringify(reasonData(alarm, evaluation, at)), at };
}

function reasonText(alarm: MetricAlarm, value: AlarmState, { evaluated, breaching, filled }: Evaluation): string {
  const treatment = alarm.TreatMissingData as TreatMissingData | undefined;
  if (value === 'INSUFFICIENT_DATA') return `Insufficient Data: ${count(filled, 'datapoint')} unknown.`;
  const missing = `${count(filled, 'missing datapoint')} treated as [${treatment === 'breaching' ? 'Breaching' : 'NonBreaching'}].`;
  if (evaluated.length === 0) return `Threshold Crossed: no datapoints were received for ${alarm.EvaluationPeriods} periods and ${missing}`;
  const values = evaluated.map((point) => `${point.value} (${point.at.toISOString()})`).join(', ');
  const met = value === 'ALARM' ? breaching : evaluated.length - breaching;
  const not = value === 'ALARM' ? '' : 'not ';
  const crossed = `${met} out of the last ${evaluated.length} datapoints [${values}] ${met === 1 ? 'was' : 'were'} ${not}`;
  const filling = filled > 0 && (treatment === 'breaching' || treatment === 'notBreaching') ? ` and ${missing}` : '.';
  return `Threshold Crossed: ${crossed}${COMPARISON_WORDS[alarm.ComparisonOperator!]} the threshold (${alarm.Threshold})${filling}`;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? ' was' : 's were'}`;

function reasonData(alarm: MetricAlarm, { evaluated }: Evaluation, at: Date) {
  return {
    version: '1.0',
    queryDate: eventTime(at),
    startDate: evaluated[0] && eventTime(evaluated[0].at),
    statistic: statisticOf(alarm),
    period: alarm.Period,
    recentDatapoints: evaluated.map(({ value }) => value),
    threshold: alarm.Threshold,
    evaluatedDatapoints: [...evaluated].reverse().map((point) => ({ timestamp: eventTime(point.at), value: point.value })),
  };
}
