import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { guarded, localCalls } from './clients.ts';

export interface Datum {
  name: string;
  value: number;
  workload?: string;
  unit?: 'Seconds' | 'Count' | 'Bytes' | 'None';
}
/** A request holds so many. AWS, CloudWatch API reference, `PutMetricData`, 2026-11. */
const DATA_PER_REQUEST = 1_000;

export type PutMetrics = (data: readonly Datum[]) => Promise<void>;

/** Puts metrics into the namespace `Lifeboat` at one-second resolution, dimensioned by environment and, where given, workload. */
export const metricWriter = (environment: string): PutMetrics => {
  const client = guarded(new CloudWatchClient(localCalls));
  return async (data) => {
    const Timestamp = new Date();
    const dimensions = (workload?: string) => [
      { Name: 'Environment', Value: environment },
      ...(workload ? [{ Name: 'Workload', Value: workload }] : []),
    ];
    const MetricData = data.map(({ name, value, workload, unit = 'None' }) => ({
      MetricName: name,
      Value: value,
      Unit: unit,
      Timestamp,
      StorageResolution: 1,
      Dimensions: dimensions(workload),
    })); // prettier-ignore
    for (let at = 0; at < MetricData.length; at += DATA_PER_REQUEST) {
      const some = MetricData.slice(at, at + DATA_PER_REQUEST);
      await client.send(new PutMetricDataCommand({ Namespace: 'Lifeboat', MetricData: some }));
    }
  };
};
