import * as sdk from '@aws-sdk/client-cloudwatch';
import type { AwsCall, Region } from '../types.ts';
import type { Handler } from './json-rpc.ts';
import type { MetricStore, Sample } from './metrics.ts';
import { isStatistic, statistic } from './statistics.ts';

const STANDARD = ['SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum'] as const;

/** The operations that put and read metrics. */
export function metricHandlers(store: (region: Region) => MetricStore, now: () => number): Record<string, Handler> {
  return {
    PutMetricData: ({ Namespace, MetricData = [], EntityMetricData = [] }: sdk.PutMetricDataInput, { region }: AwsCall): void => {
      if (!Namespace || Namespace.startsWith('AWS/')) throw invalid(`The value ${Namespace} for parameter Namespace is invalid.`);
      const data = [...MetricData, ...EntityMetricData.flatMap((entity) => entity.MetricData ?? [])];
      for (const datum of data) store(region).put(Namespace, datum, now());
    },
    ListMetrics: (input: sdk.ListMetricsInput, { region }: AwsCall): sdk.ListMetricsOutput => ({
      Metrics: store(region)
        .list()
        .filter((metric) => matches(metric, input)),
    }),
    GetMetricStatistics: (input: sdk.GetMetricStatisticsInput, { region }: AwsCall): sdk.GetMetricStatisticsOutput => {
      const { MetricName, StartTime, EndTime, Period, Unit, Statistics = [], ExtendedStatistics = [] } = input;
      for (const name of ExtendedStatistics) known(name);
      const periods = byPeriod(store(region).samples(input, StartTime!.getTime(), EndTime!.getTime(), Unit), Period!);
      return { Label: MetricName, Datapoints: periods.map(([at, samples]) => datapoint(at, samples, Statistics, ExtendedStatistics)) };
    },
    GetMetricData: (
      { MetricDataQueries, StartTime, EndTime, ScanBy }: sdk.GetMetricDataInput,
      { region }: AwsCall,
    ): sdk.GetMetricDataOutput => {
      const queries = MetricDataQueries!.filter(({ ReturnData }) => ReturnData !== false);
      const results = queries.map((query) => dataResult(store(region), query, StartTime!.getTime(), EndTime!.getTime()));
      return { MetricDataResults: ScanBy === 'TimestampAscending' ? results : results.map(newestFirst) };
    },
  };
}

const invalid = (message: string) => new sdk.InvalidParameterValueException({ message, $metadata: {} });

function known(name: string): string {
  if (!isStatistic(name)) throw invalid(`The lab does not model the statistic ${name}.`);
  return name;
}

function matches(metric: sdk.Metric, { Namespace, MetricName, Dimensions = [] }: sdk.ListMetricsInput): boolean {
  const has = ({ Name, Value }: sdk.DimensionFilter) =>
    metric.Dimensions!.some((dimension) => dimension.Name === Name && (Value === undefined || dimension.Value === Value));
  return (
    (Namespace === undefined || metric.Namespace === Namespace) &&
    (MetricName === undefined || metric.MetricName === MetricName) &&
    Dimensions.every(has)
  );
}

/** Samples by the start of their period, oldest first; periods without any are left out. */
function byPeriod(samples: readonly Sample[], periodSeconds: number): [number, Sample[]][] {
  const periodMs = periodSeconds * 1000;
  const periods = new Map<number, Sample[]>();
  for (const sample of samples) {
    const start = Math.floor(sample.at / periodMs) * periodMs;
    periods.set(start, [...(periods.get(start) ?? []), sample]);
  }
  return [...periods].sort(([a], [b]) => a - b);
}

function datapoint(at: number, samples: Sample[], statistics: sdk.Statistic[], extended: string[]): sdk.Datapoint {
  const standard = STANDARD.filter((name) => statistics.includes(name)).map((name) => [name, statistic(name, samples)]);
  const percentiles = extended.map((name) => [name, statistic(name, samples)]);
  const ExtendedStatistics = extended.length === 0 ? undefined : (Object.fromEntries(percentiles) as Record<string, number>);
  return { Timestamp: new Date(at), Unit: samples[0]!.unit as sdk.StandardUnit, ...Object.fromEntries(standard), ExtendedStatistics };
}

function dataResult(
  store: MetricStore,
  { Id, Label, MetricStat, Expression }: sdk.MetricDataQuery,
  from: number,
  to: number,
): sdk.MetricDataResult {
  if (MetricStat === undefined) throw invalid(`The lab does not model the expression ${Expression} of ${Id}.`);
  const { Metric, Period, Stat, Unit } = MetricStat;
  const points = byPeriod(store.samples(Metric!, from, to, Unit), Period!).flatMap(([at, samples]) => {
    const value = statistic(known(Stat!), samples);
    return value === undefined ? [] : [{ at: new Date(at), value }];
  });
  const [Timestamps, Values] = [points.map(({ at }) => at), points.map(({ value }) => value)];
  return { Id, Label: Label ?? Metric!.MetricName, Timestamps, Values, StatusCode: 'Complete' };
}

const newestFirst = (result: sdk.MetricDataResult): sdk.MetricDataResult => ({
  ...result,
  Timestamps: result.Timestamps!.toReversed(),
  Values: result.Values!.toReversed(),
});
