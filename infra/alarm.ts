import {
  type AlarmActionConfig,
  Alarm as CloudWatchAlarm,
  ComparisonOperator,
  type IAlarmAction,
  type IMetric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch'; // prettier-ignore
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/** What a person needs to know when the alarm fires; none of it may be left out. */
export interface AlarmWords {
  /** What users lose while this is true, in a sentence. */
  impact: string;
  /** The heading in docs/runbook.md. */
  runbook: string;
  /** What this alarm does not see. */
  notCovered: string;
}

export interface AlarmProps extends AlarmWords {
  name: string;
  metric: IMetric;
  /** The alarm fires at this value and above, or, with `below`, beneath it. */
  threshold: number;
  below?: boolean;
  /** All of them must breach. */
  evaluationPeriods: number;
  missing: 'breaching' | 'notBreaching';
  topic: ITopic;
  /** ARN of what to invoke beside telling people. */
  invokes?: string;
}

/** An alarm that says what it means: impact, where to read on, what it does not cover, and what missing data counts as. */
export class Alarm extends Construct {
  readonly alarm: CloudWatchAlarm;

  constructor(scope: Construct, id: string, props: AlarmProps) {
    super(scope, id);
    const { name, metric, threshold, below = false, evaluationPeriods, missing, topic, invokes } = props;
    this.alarm = new CloudWatchAlarm(this, 'Resource', {
      alarmName: name,
      alarmDescription: `${props.impact} Runbook: docs/runbook.md#${slug(props.runbook)} Not covered: ${props.notCovered}.`,
      metric,
      threshold,
      comparisonOperator: below ? ComparisonOperator.LESS_THAN_THRESHOLD : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods,
      datapointsToAlarm: evaluationPeriods,
      treatMissingData: missing === 'breaching' ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    const actions: IAlarmAction[] = [new SnsAction(topic)];
    // Its permission is given once for all alarms of a kind: a function's policy has room for a few dozen single ones.
    if (invokes) actions.unshift({ bind: (): AlarmActionConfig => ({ alarmActionArn: invokes }) });
    this.alarm.addAlarmAction(...actions);
  }
}

/** A heading's anchor as code hosts make it. */
export const slug = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-');
