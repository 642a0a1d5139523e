import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnSchedule } from 'aws-cdk-lib/aws-scheduler';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import type { Step } from './step.ts';

/**
 * Starts a step each minute. A start that Scheduler could not deliver is not worth repeating, since the next one is due: it goes to
 * the dead-letter queue. Written at the lowest level for a role that may invoke this one function and nothing else.
 */
export class EveryMinute extends Construct {
  constructor(scope: Construct, id: string, foundation: Foundation, step: Step) {
    super(scope, id);
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
      name: step.function.functionName,
      scheduleExpression: 'rate(1 minute)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: {
        arn: step.function.functionArn,
        roleArn: role.roleArn,
        input: '{}',
        deadLetterConfig: { arn: failures.queueArn },
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
      },
    });
    // Scheduler tries the role when the schedule is made: its rights must be there by then.
    schedule.node.addDependency(role);
  }
}
