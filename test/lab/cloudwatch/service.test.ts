import {
  CloudWatchClient,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  type MetricAlarm,
  type MetricDatum,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readAlarms } from '../../../lab/cloudwatch/read-alarms.ts';
import { CloudWatchService } from '../../../lab/cloudwatch/service.ts';
import { World } from '../../../lab/world.ts';
import { until } from '../network/tools.ts';
import { Endpoint } from '../route53/endpoint.ts';

const FUNCTION = 'arn:aws:lambda:us-west-2:000000000000:function:starter';
const TOPIC = 'arn:aws:sns:us-west-2:000000000000:people';
const DIMENSIONS = [{ Name: 'Workload', Value: 'orders' }];
const START = Date.parse('2026-11-20T10:00:00Z');

const alarm = (over: Partial<MetricAlarm> = {}): MetricAlarm => ({
  AlarmName: 'orders-unhealthy',
  AlarmArn: 'arn:aws:cloudwatch:us-west-2:000000000000:alarm:orders-unhealthy',
  ActionsEnabled: true,
  AlarmActions: [FUNCTION, TOPIC],
  OKActions: [TOPIC],
  Namespace: 'Lifeboat',
  MetricName: 'Unhealthy',
  Dimensions: DIMENSIONS,
  Statistic: 'Maximum',
  Period: 10,
  EvaluationPeriods: 3,
  DatapointsToAlarm: 3,
  Threshold: 1,
  ComparisonOperator: 'GreaterThanOrEqualToThreshold',
  TreatMissingData: 'notBreaching',
  ...over,
});

let world: World;
let now: number;
let alarms: MetricAlarm[];
let calls: { kind: string; region: string; target: string; content: Record<string, unknown> }[];
let problems: string[];
let failures: number;
let service: CloudWatchService;
let endpoint: Endpoint;
let client: CloudWatchClient;

beforeEach(async () => {
  world = new World(['us-east-1', 'us-west-2']);
  now = START;
  alarms = [alarm()];
  calls = [];
  problems = [];
  failures = 0;
  const note = (kind: string, region: string, target: string, content: object): void => {
    if (failures-- > 0) throw new Error('not now');
    calls.push({ kind, region, target, content: { ...content } });
  };
  service = new CloudWatchService({
    world,
    alarms: async (region) => (region === 'us-west-2' ? alarms : []),
    invokeLambda: async (region, arn, event) => note('lambda', region, arn, event),
    publish: async (region, arn, subject, message) => note('sns', region, arn, { subject, message: JSON.parse(message) as object }),
    putEvent: async (region, event) => note('event', region, event.resources[0]!, event),
    forward: async (call) => ({
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: `{"forwarded":"${call.action}"}`,
    }),
    now: () => now,
    report: (problem) => problems.push(problem),
  });
  endpoint = new Endpoint(service.handle);
  await endpoint.start();
  client = new CloudWatchClient(endpoint.client('us-west-2'));
});

afterEach(async () => {
  client.destroy();
  await endpoint.stop();
  await service.stop();
});

async function put(...data: Partial<MetricDatum>[]): Promise<void> {
  const common = { MetricName: 'Unhealthy', Dimensions: DIMENSIONS, StorageResolution: 1, Timestamp: new Date(now) };
  const MetricData = data.map((datum) => ({ ...common, ...datum }));
  await client.send(new PutMetricDataCommand({ Namespace: 'Lifeboat', MetricData }));
}

/** Ten seconds pass in which the metric has this value. */
async function period(Value: number | undefined): Promise<void> {
  if (Value !== undefined) await put({ Value });
  now += 10_000;
  await service.evaluate();
}

const state = async () => (await client.send(new DescribeAlarmsCommand({ AlarmNames: ['orders-unhealthy'] }))).MetricAlarms?.[0];

test('an alarm goes off after N of N periods, tells Lambda, topic and event bus, and comes back', async () => {
  expect(await state()).toMatchObject({ StateValue: 'INSUFFICIENT_DATA', StateReason: 'Unchecked: Initial alarm creation', Period: 10 });
  await period(0);
  expect(await state()).toMatchObject({ StateValue: 'OK' });
  calls.length = 0;
  await period(1);
  await period(1);
  expect((await state())?.StateValue).toBe('OK');
  await period(1);
  const inAlarm = await state();
  expect(inAlarm).toMatchObject({ StateValue: 'ALARM', StateUpdatedTimestamp: new Date(now) });
  expect(inAlarm?.StateReason).toMatch(
    /^Threshold Crossed: 3 out of the last 3 datapoints \[1 .* were greater than or equal to the threshold \(1\)\.$/,
  );
  await until(() => calls.length === 3);
  expect(calls.find(({ kind }) => kind === 'lambda')).toMatchObject({
    region: 'us-west-2',
    target: FUNCTION,
    content: {
      source: 'aws.cloudwatch',
      alarmArn: alarm().AlarmArn,
      accountId: '000000000000',
      time: '2026-11-20T10:00:40.000+0000',
      region: 'us-west-2',
      alarmData: {
        alarmName: 'orders-unhealthy',
        state: { value: 'ALARM', reason: inAlarm?.StateReason, timestamp: '2026-11-20T10:00:40.000+0000' },
        previousState: { value: 'OK' },
        configuration: {
          metrics: [
            {
              metricStat: {
                metric: { namespace: 'Lifeboat', name: 'Unhealthy', dimensions: { Workload: 'orders' } },
                period: 10,
                stat: 'Maximum',
              },
            },
          ],
        },
      },
    },
  });
  expect(calls.find(({ kind }) => kind === 'sns')?.content).toMatchObject({
    subject: 'ALARM: "orders-unhealthy" in US West (Oregon)',
    message: {
      NewStateValue: 'ALARM',
      OldStateValue: 'OK',
      Trigger: { Statistic: 'MAXIMUM', Dimensions: [{ name: 'Workload', value: 'orders' }] },
    },
  });
  expect(calls.find(({ kind }) => kind === 'event')?.content).toMatchObject({ detailType: 'CloudWatch Alarm State Change' });
  await period(0);
  expect((await state())?.StateValue).toBe('OK');
  const { AlarmHistoryItems } = await client.send(new DescribeAlarmHistoryCommand({ HistoryItemType: 'StateUpdate' }));
  expect(AlarmHistoryItems?.map(({ HistorySummary }) => HistorySummary)).toEqual([
    'Alarm updated from ALARM to OK',
    'Alarm updated from OK to ALARM',
    'Alarm updated from INSUFFICIENT_DATA to OK',
  ]);
});

test('the alarms of a store are read page by page', async () => {
  alarms = Array.from({ length: 250 }, (_, index) => alarm({ AlarmName: `a${index}` }));
  expect((await readAlarms(client)).map(({ AlarmName }) => AlarmName)).toEqual(alarms.map(({ AlarmName }) => AlarmName));
});

test('only the exact dimensions count', async () => {
  await put({ Value: 5, Dimensions: [...DIMENSIONS, { Name: 'Observer', Value: 'x' }] }, { Value: 5, Dimensions: [] });
  await period(undefined);
  expect((await state())?.StateReasonData).toContain('"recentDatapoints":[]');
});

test('a dark region evaluates nothing and resumes after', async () => {
  for (const value of [1, 1]) await period(value);
  await world.blackout('us-west-2');
  await period(1);
  expect((await state())?.StateValue).not.toBe('ALARM');
  await world.restore('us-west-2');
  await service.evaluate();
  expect((await state())?.StateValue).toBe('ALARM');
});

test('alarms of a minute and more are evaluated each minute', async () => {
  alarms = [alarm({ Period: 60, EvaluationPeriods: 1, DatapointsToAlarm: 1 })];
  await put({ Value: 1 });
  await service.evaluate();
  expect((await state())?.StateValue).toBe('OK');
  for (let seconds = 10; seconds < 60; seconds += 10) await period(undefined);
  expect((await state())?.StateValue).toBe('OK');
  await period(undefined);
  expect((await state())?.StateValue).toBe('ALARM');
});

test('what is not modelled is said, and never OK', async () => {
  alarms = [alarm({ MetricName: undefined, Metrics: [{ Id: 'e', Expression: 'm1 + m2' }] })];
  await period(0);
  expect(await state()).toMatchObject({
    StateValue: 'INSUFFICIENT_DATA',
    StateReason: 'Not evaluated: the lab does not model metric math.',
  });
});

test('an action that fails is tried again; disabled actions and unknown kinds are not done silently', async () => {
  alarms = [alarm({ AlarmActions: [FUNCTION], OKActions: ['arn:aws:ssm:us-west-2:0:opsitem:1'], TreatMissingData: 'missing' })];
  await period(0);
  await until(() => problems.length === 1, 8000);
  expect(problems[0]).toContain('does not model alarm actions of ssm');
  failures = 2; // The event bus and the function, once each.
  for (const value of [1, 1, 1]) await period(value);
  await until(() => calls.some(({ kind }) => kind === 'lambda'));
  alarms = [alarm({ ActionsEnabled: false })];
  calls.length = 0;
  await period(0);
  await until(() => calls.length === 1);
  expect(calls[0]?.kind).toBe('event');
});

test('a set state lasts until the next evaluation', async () => {
  await client.send(new SetAlarmStateCommand({ AlarmName: 'orders-unhealthy', StateValue: 'ALARM', StateReason: 'rehearsal' }));
  await until(() => calls.some(({ kind }) => kind === 'lambda'));
  expect(await state()).toMatchObject({ StateValue: 'ALARM', StateReason: 'rehearsal' });
  await period(0);
  expect((await state())?.StateValue).toBe('OK');
  const unknown = new SetAlarmStateCommand({ AlarmName: 'none', StateValue: 'OK', StateReason: 'x' });
  await expect(client.send(unknown)).rejects.toMatchObject({ name: 'ResourceNotFound', $metadata: { httpStatusCode: 404 } });
});

test('metrics can be listed and read, also from value lists, statistic sets and a compressed request', async () => {
  await put({ Value: 4 }, { Values: [1, 2], Counts: [3, 1] }, { StatisticValues: { SampleCount: 2, Sum: 10, Minimum: 4, Maximum: 6 } });
  await put(
    { MetricName: 'Other', Values: Array.from({ length: 149 }, (_, index) => index + 0.123456789012345) },
    ...Array.from({ length: 5 }, () => ({
      MetricName: 'Other',
      Values: Array.from({ length: 149 }, (_, index) => index + 0.123456789012345),
    })),
  );
  const { Metrics } = await client.send(new ListMetricsCommand({ Namespace: 'Lifeboat', Dimensions: [{ Name: 'Workload' }] }));
  expect(Metrics?.map(({ MetricName }) => MetricName)).toEqual(['Unhealthy', 'Other']);
  const times = { StartTime: new Date(START), EndTime: new Date(START + 60_000) };
  const of = { Namespace: 'Lifeboat', MetricName: 'Unhealthy', Dimensions: DIMENSIONS };
  const { Datapoints } = await client.send(
    new GetMetricStatisticsCommand({ ...of, ...times, Period: 10, Statistics: ['SampleCount', 'Average', 'Maximum'] }),
  );
  expect(Datapoints).toMatchObject([{ Timestamp: new Date(START), SampleCount: 7, Average: 19 / 7, Maximum: 6 }]);
  now += 10_000;
  await put({ Value: 8 });
  const query = { Id: 'm', MetricStat: { Metric: of, Period: 10, Stat: 'Sum' } };
  const { MetricDataResults } = await client.send(new GetMetricDataCommand({ ...times, MetricDataQueries: [query] }));
  expect(MetricDataResults).toMatchObject([
    { Id: 'm', Values: [8, 19], Timestamps: [new Date(now), new Date(START)], StatusCode: 'Complete' },
  ]);
  const expression = new GetMetricDataCommand({ ...times, MetricDataQueries: [{ Id: 'e', Expression: 'm * 2' }] });
  await expect(client.send(expression)).rejects.toMatchObject({ message: expect.stringContaining('does not model the expression') });
});

test('standard resolution lies on the minute; two forms of value are refused; other calls go to the store', async () => {
  now += 42_000;
  await put({ Value: 1, StorageResolution: 60 });
  const times = { StartTime: new Date(START), EndTime: new Date(START + 1000) };
  const of = { Namespace: 'Lifeboat', MetricName: 'Unhealthy', Dimensions: DIMENSIONS };
  const { Datapoints } = await client.send(new GetMetricStatisticsCommand({ ...of, ...times, Period: 1, Statistics: ['Sum'] }));
  expect(Datapoints).toHaveLength(1);
  await expect(put({ Value: 1, Values: [1] })).rejects.toMatchObject({ name: 'InvalidParameterCombinationException' });
  const request = new PutMetricAlarmCommand({ AlarmName: 'x', EvaluationPeriods: 1, ComparisonOperator: 'LessThanThreshold' });
  expect(await client.send(request)).toMatchObject({ $metadata: { httpStatusCode: 200 } });
});
