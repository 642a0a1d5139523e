import type { MetricAlarm } from '@aws-sdk/client-cloudwatch';
import type { Region } from '../types.ts';
import { type AlarmStatus, eventTime, statisticOf } from './reason.ts';

/** One change of an alarm's state. */
export interface Transition {
  region: Region;
  accountId: string;
  alarm: MetricAlarm;
  previous: AlarmStatus;
  current: AlarmStatus;
}

/** What EventBridge is given on each change of state. */
export interface AlarmStateChange {
  source: 'aws.cloudwatch';
  detailType: 'CloudWatch Alarm State Change';
  time: Date;
  resources: string[];
  detail: object;
}

const REGION_NAMES: Record<Region, string> = {
  'us-east-1': 'US East (N. Virginia)',
  'us-east-2': 'US East (Ohio)',
  'us-west-1': 'US West (N. California)',
  'us-west-2': 'US West (Oregon)',
  'eu-west-1': 'EU (Ireland)',
  'eu-west-2': 'EU (London)',
  'eu-west-3': 'EU (Paris)',
  'eu-central-1': 'EU (Frankfurt)',
  'ap-northeast-1': 'Asia Pacific (Tokyo)',
  'ap-northeast-2': 'Asia Pacific (Seoul)',
  'ap-northeast-3': 'Asia Pacific (Osaka)',
};

/** The event with which an alarm's action invokes a Lambda function. */
export function lambdaEvent(transition: Transition) {
  const { alarm, region, accountId, current } = transition;
  return {
    source: 'aws.cloudwatch',
    alarmArn: alarm.AlarmArn,
    accountId,
    time: eventTime(current.at),
    region,
    alarmData: detail(transition),
  };
}

export function stateChange(transition: Transition): AlarmStateChange {
  return {
    source: 'aws.cloudwatch',
    detailType: 'CloudWatch Alarm State Change',
    time: transition.current.at,
    resources: [transition.alarm.AlarmArn!],
    detail: detail(transition),
  };
}

function detail({ alarm, previous, current }: Transition) {
  return { alarmName: alarm.AlarmName, state: state(current), previousState: state(previous), configuration: configuration(alarm) };
}

const state = ({ value, reason, reasonData, at }: AlarmStatus) => ({ value, reason, reasonData, timestamp: eventTime(at) });

function configuration(alarm: MetricAlarm) {
  const dimensions = Object.fromEntries((alarm.Dimensions ?? []).map(({ Name, Value }) => [Name, Value]));
  const metric = { namespace: alarm.Namespace, name: alarm.MetricName, dimensions };
  const metricStat = { metric, period: alarm.Period, stat: statisticOf(alarm), unit: alarm.Unit };
  return { description: alarm.AlarmDescription, metrics: [{ id: 'm1', metricStat, returnData: true }] };
}

/** Subject and message with which an alarm's action publishes to a topic. */
export function notification({ region, accountId, alarm, previous, current }: Transition): { subject: string; message: string } {
  const regionName = REGION_NAMES[region] ?? region;
  const message = {
    AlarmName: alarm.AlarmName,
    AlarmDescription: alarm.AlarmDescription ?? null,
    AWSAccountId: accountId,
    AlarmConfigurationUpdatedTimestamp: alarm.AlarmConfigurationUpdatedTimestamp && eventTime(alarm.AlarmConfigurationUpdatedTimestamp),
    NewStateValue: current.value,
    NewStateReason: current.reason,
    StateChangeTime: eventTime(current.at),
    Region: regionName,
    AlarmArn: alarm.AlarmArn,
    OldStateValue: previous.value,
    OKActions: alarm.OKActions ?? [],
    AlarmActions: alarm.AlarmActions ?? [],
    InsufficientDataActions: alarm.InsufficientDataActions ?? [],
    Trigger: trigger(alarm),
  };
  return { subject: `${current.value}: "${alarm.AlarmName}" in ${regionName}`.slice(0, 100), message: JSON.stringify(message) };
}

function trigger(alarm: MetricAlarm) {
  return {
    MetricName: alarm.MetricName,
    Namespace: alarm.Namespace,
    StatisticType: alarm.Statistic ? 'Statistic' : 'ExtendedStatistic',
    ...(alarm.Statistic ? { Statistic: constantCase(alarm.Statistic) } : { ExtendedStatistic: alarm.ExtendedStatistic }),
    Unit: alarm.Unit ?? null,
    Dimensions: (alarm.Dimensions ?? []).map(({ Name, Value }) => ({ value: Value, name: Name })),
    Period: alarm.Period,
    EvaluationPeriods: alarm.EvaluationPeriods,
    DatapointsToAlarm: alarm.DatapointsToAlarm,
    ComparisonOperator: alarm.ComparisonOperator,
    Threshold: alarm.Threshold,
    TreatMissingData: alarm.TreatMissingData ?? 'missing',
    EvaluateLowSampleCountPercentile: alarm.EvaluateLowSampleCountPercentile ?? '',
  };
}

/** `SampleCount` -> `SAMPLE_COUNT`. */
const constantCase = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
