import { CloudWatchClient, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import type { Deliveries } from '../cloudwatch/actions.ts';
import { readAlarms } from '../cloudwatch/read-alarms.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { LambdaService } from '../lambda/service.ts';
import type { Region } from '../types.ts';

/** CloudWatch's own access key: what it does is recorded under this name. */
const PRINCIPAL = 'cloudwatch-service';

/**
 * What joins CloudWatch to the rest: alarms are read where CloudFormation put them, functions are invoked in the lab, messages and
 * events go to the engine. Events bypass the gateway: no caller may put events of `aws.cloudwatch`, only CloudWatch itself.
 */
export function alarmDeliveries(gateway: Gateway, lambda: LambdaService): Deliveries & { alarms(region: Region): Promise<MetricAlarm[]> } {
  const credentials = { accessKeyId: PRINCIPAL, secretAccessKey: 'lab' };
  const alarmClients = cached(
    (region) => new CloudWatchClient({ region, credentials, endpoint: gateway.engineOf('cloudformation', region) }),
  );
  const topics = cached((region) => new SNSClient({ region, credentials, endpoint: gateway.endpoint(region) }));
  const buses = cached((region) => new EventBridgeClient({ region, credentials, endpoint: gateway.engineOf('events', region) }));
  return {
    alarms: (region) => readAlarms(alarmClients(region)),
    invokeLambda: async (region, arn, event) => void (await lambda.invoke(region, arn, event, { type: 'Event' })),
    publish: async (region, TopicArn, Subject, Message) => {
      await topics(region).send(new PublishCommand({ TopicArn, Subject: Subject.slice(0, 100), Message }));
    },
    putEvent: async (region, { source, detailType, time, resources, detail }) => {
      const Entries = [{ Source: source, DetailType: detailType, Time: time, Resources: resources, Detail: JSON.stringify(detail) }];
      await buses(region).send(new PutEventsCommand({ Entries }));
    },
  };
}

function cached<T>(make: (region: Region) => T): (region: Region) => T {
  const made = new Map<Region, T>();
  return (region) => {
    const known = made.get(region) ?? make(region);
    made.set(region, known);
    return known;
  };
}
