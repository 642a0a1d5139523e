import { Duration } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { Alarm } from './alarm.ts';
import type { Foundation } from './foundation.ts';
import { accept } from './nag.ts';

/** How one region tells people: a topic with their addresses, and a queue for what could not be done unattended. */
export class Notification extends Construct {
  readonly topic: Topic;
  /** Dead letters of every schedule and every asynchronous invocation in the region. */
  readonly failures: Queue;

  constructor(scope: Construct, id: string, { environment, names, key }: Foundation) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { topicName: names.topic, masterKey: key, enforceSSL: true });
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Alarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': environment.account } },
      }),
    );
    for (const email of environment.notify.emails) this.topic.addSubscription(new EmailSubscription(email));

    this.failures = new Queue(this, 'Failures', {
      queueName: names.failures,
      encryption: QueueEncryption.KMS,
      encryptionMasterKey: key,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    accept(this.failures, 'SQS3', 'this is the dead-letter queue: nothing consumes it but people, and an alarm says when it is not empty');

    new Alarm(this, 'FailuresAlarm', {
      name: `${names.prefix}-failures`,
      metric: this.failures.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1), statistic: 'Maximum' }),
      threshold: 1,
      evaluationPeriods: 1,
      missing: 'notBreaching',
      impact: 'A scheduled or triggered function failed for good: probing, guarding or starting a failover did not happen.',
      runbook: 'Failures in the dead-letter queue',
      notCovered: 'steps inside a failover run, whose failures the machine catches and records',
      topic: this.topic,
    });
  }
}
