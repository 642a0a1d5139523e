import { type CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';

/** All metric alarms of the store that a client speaks to: what `CloudWatchOptions.alarms` wants, of one region. */
export async function readAlarms(client: CloudWatchClient, signal: AbortSignal = AbortSignal.timeout(5000)): Promise<MetricAlarm[]> {
  const alarms: MetricAlarm[] = [];
  let NextToken: string | undefined;
  do {
    const page = await client.send(new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm'], NextToken }), { abortSignal: signal });
    alarms.push(...(page.MetricAlarms ?? []));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  return alarms;
}
