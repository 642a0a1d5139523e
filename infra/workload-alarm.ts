import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Alarm, type AlarmWords } from './alarm.ts';
import type { Foundation } from './foundation.ts';

export interface WorkloadAlarmProps extends AlarmWords {
  workload: string;
  /** The last part of the alarm's name, after the workload's. */
  suffix: string;
  /** In the namespace `Lifeboat`, by environment and workload. */
  metricName: string;
  /** Default `Maximum`: once in a period is enough. */
  statistic?: 'Maximum' | 'Minimum';
  /** Default a minute. */
  periodSeconds?: number;
  /** Default 1: the metric says that something is wrong. */
  threshold?: number;
  evaluationPeriods: number;
  missing: 'breaching' | 'notBreaching';
  /** ARN of what to invoke beside telling people. */
  invokes?: string;
}

/** An alarm of one workload in a site, in that workload's own stack: of all that Lifeboat makes alarms alone grow with the workloads, and a stack takes 500 resources. */
export class WorkloadAlarm extends Alarm {
  constructor(foundation: Foundation, props: WorkloadAlarmProps) {
    const { workload, suffix, metricName, statistic = 'Maximum', periodSeconds = 60, threshold = 1, ...rest } = props;
    const { stack, topic } = foundation.ofWorkload(workload);
    super(stack, suffix, {
      name: `${foundation.names.prefix}-${workload}-${suffix}`,
      metric: new Metric({
        namespace: 'Lifeboat',
        metricName,
        dimensionsMap: { Environment: foundation.environment.name, Workload: workload },
        statistic,
        period: Duration.seconds(periodSeconds),
      }),
      threshold,
      topic,
      ...rest,
    });
  }
}
