import {
  type Dimension,
  InvalidParameterCombinationException,
  InvalidParameterValueException,
  type Metric,
  type MetricDatum,
} from '@aws-sdk/client-cloudwatch';

/** What one datum of PutMetricData adds to a metric. `values` is absent for statistic sets, whose values are not known. */
export interface Sample {
  at: number;
  unit: string;
  count: number;
  sum: number;
  minimum: number;
  maximum: number;
  values?: { value: number; count: number }[];
}

export interface StoredMetric {
  Namespace: string;
  MetricName: string;
  Dimensions: Dimension[];
}

/** High-resolution data are kept for three hours by CloudWatch; the lab, which is younger than that, keeps nothing longer. */
const RETENTION_MS = 3 * 3600 * 1000;
const MINUTE_MS = 60_000;

/** The metrics of one region. A metric is its namespace, its name and its exact set of dimensions. */
export class MetricStore {
  private readonly metrics = new Map<string, { metric: StoredMetric; samples: Sample[] }>();

  put(namespace: string, datum: MetricDatum, now: number): void {
    const metric = { Namespace: namespace, MetricName: datum.MetricName!, Dimensions: datum.Dimensions ?? [] };
    const sample = toSample(datum, now);
    const entry = this.metrics.get(keyOf(metric)) ?? { metric, samples: [] };
    entry.samples = entry.samples.filter(({ at }) => at > now - RETENTION_MS);
    entry.samples.push(sample);
    this.metrics.set(keyOf(metric), entry);
  }

  list(): StoredMetric[] {
    return [...this.metrics.values()].map(({ metric }) => metric);
  }

  /** Samples with `from` <= time < `to`, of one unit where one is asked for. */
  samples(metric: Metric, from: number, to: number, unit?: string): Sample[] {
    const samples = this.metrics.get(keyOf(metric))?.samples ?? [];
    return samples.filter((sample) => sample.at >= from && sample.at < to && (unit === undefined || sample.unit === unit));
  }
}

function keyOf({ Namespace, MetricName, Dimensions = [] }: Metric): string {
  return JSON.stringify([Namespace, MetricName, ...Dimensions.map(({ Name, Value }) => `${Name}=${Value}`).sort()]);
}

function toSample(datum: MetricDatum, now: number): Sample {
  const { Value, Values, Counts, StatisticValues, StorageResolution = MINUTE_MS / 1000, Unit: unit = 'None' } = datum;
  const timestamp = datum.Timestamp?.getTime() ?? now;
  const at = StorageResolution === 1 ? timestamp : Math.floor(timestamp / MINUTE_MS) * MINUTE_MS;
  const forms = [Value, Values, StatisticValues].filter((form) => form !== undefined);
  if (forms.length !== 1) {
    throw new InvalidParameterCombinationException({
      message: 'Exactly one of Value, Values and StatisticValues must be given.',
      $metadata: {},
    });
  }
  if (StatisticValues !== undefined) {
    const { SampleCount, Sum, Minimum, Maximum } = StatisticValues;
    return { at, unit, count: SampleCount!, sum: Sum!, minimum: Minimum!, maximum: Maximum! };
  }
  const values =
    Values === undefined ? [{ value: Value!, count: 1 }] : Values.map((value, index) => ({ value, count: Counts?.[index] ?? 1 }));
  if (values.some(({ value }) => !Number.isFinite(value))) {
    throw new InvalidParameterValueException({
      message: `The value for the metric ${datum.MetricName} must be a finite number.`,
      $metadata: {},
    });
  }
  return { at, unit, values, ...aggregate(values) };
}

function aggregate(values: { value: number; count: number }[]): Omit<Sample, 'at' | 'unit' | 'values'> {
  const only = values.map(({ value }) => value);
  return {
    count: values.reduce((sum, { count }) => sum + count, 0),
    sum: values.reduce((sum, { value, count }) => sum + value * count, 0),
    minimum: Math.min(...only),
    maximum: Math.max(...only),
  };
}
