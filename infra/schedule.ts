import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import type { Step } from './step.ts';

export interface ScheduledProps {
  step: Step;
  /** EventBridge Scheduler's. */
  expression: string;
  timeZone?: string;
  /** What the step receives; `<aws.scheduler.scheduled-time>` in it becomes the time at which it was due. */
  input?: Record<string, string>;
  /** Physical name, where a step has several schedules. */
  name?: string;
  /** For how long a start that could not be delivered is tried again; none where the next one is due anyway. */
  retryMinutes?: number;
}

/**
 * Starts a step on a schedule. What Scheduler could not deliver goes to the dead-letter queue. Written at the lowest level for a role
 * that may invoke this one function and nothing else.
 */
export class Scheduled extends Construct {
  constructor(scope: Construct, id: string, foundation: Foundation, props: ScheduledProps) {
    super(scope, id);
    const { step, expression, timeZone, input = {}, name, retryMinutes = 0 } = props;
    const { failures } = foundation.notification;
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': foundation.environment.account } },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [step.function.functionArn] }));
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [failures.queueArn] }));
    role.addToPolicy(foundation.useKey());
    const schedule = new CfnSchedule(this, 'Schedule', {
      name: name ?? step.function.functionName,
      scheduleExpression: expression,
      scheduleExpressionTimezone: timeZone,
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: step.function.functionArn,
        roleArn: role.roleArn,
        input: JSON.stringify(input),
        deadLetterConfig: { arn: failures.queueArn },
        retryPolicy:
          retryMinutes > 0
            ? { maximumRetryAttempts: 10, maximumEventAgeInSeconds: retryMinutes * 60 }
            : { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
    // Scheduler tries the role when the schedule is made: its rights must be there by then.
    schedule.node.addDependency(role);
  }
}

/** Starts a step each minute. A start that could not be delivered is not worth repeating, since the next one is due. */
export class EveryMinute extends Scheduled {
  constructor(scope: Construct, id: string, foundation: Foundation, step: Step) {
    super(scope, id, foundation, { step, expression: 'rate(1 minute)' });
  }
}
