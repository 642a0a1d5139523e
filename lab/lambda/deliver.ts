import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Region, Zone } from '../types.ts';

const CALL_TIMEOUT_MS = 5_000;

export interface Delivery {
  /** Queue, topic or event bus. */
  arn: string;
  body: string;
  /** String attributes of the message; `source` and `detail-type` of an event on a bus. */
  attributes?: Record<string, string>;
}

/** Sends messages to queues, topics and buses as a service of AWS would: through the gateway, under a service's own name. */
export class Courier {
  private readonly endpoint: (zone: Zone) => string;
  private readonly accessKeyId: string;

  constructor(endpoint: (zone: Zone) => string, accessKeyId: string) {
    this.endpoint = endpoint;
    this.accessKeyId = accessKeyId;
  }

  async deliver(source: Region, { arn, body, attributes = {} }: Delivery): Promise<void> {
    const [, , service, region = source, account, name = ''] = arn.split(':');
    const endpoint = this.endpoint(source);
    const requestHandler = { requestTimeout: CALL_TIMEOUT_MS, connectionTimeout: CALL_TIMEOUT_MS, throwOnRequestTimeout: true };
    const credentials = { accessKeyId: this.accessKeyId, secretAccessKey: 'lab' };
    const config = { region, endpoint, credentials, requestHandler };
    const MessageAttributes = Object.fromEntries(
      Object.entries(attributes).map(([key, StringValue]) => [key, { DataType: 'String', StringValue }]),
    );
    switch (service) {
      case 'sqs':
        await using(new SQSClient(config), (client) =>
          client.send(new SendMessageCommand({ QueueUrl: `${endpoint}/${account}/${name}`, MessageBody: body, MessageAttributes })),
        );
        return;
      case 'sns':
        await using(new SNSClient(config), (client) =>
          client.send(new PublishCommand({ TopicArn: arn, Message: body, MessageAttributes })),
        );
        return;
      case 'events':
        await using(new EventBridgeClient(config), (client) =>
          client.send(
            new PutEventsCommand({
              Entries: [
                {
                  EventBusName: arn,
                  Source: attributes.source ?? 'lambda',
                  DetailType: attributes['detail-type'] ?? 'Message',
                  Detail: body,
                },
              ],
            }),
          ),
        );
        return;
      default:
        throw new Error(`cannot deliver to ${arn}: neither queue, topic nor event bus`);
    }
  }
}

async function using<C extends { destroy(): void }>(client: C, act: (client: C) => Promise<unknown>): Promise<void> {
  try {
    await act(client);
  } finally {
    client.destroy();
  }
}
