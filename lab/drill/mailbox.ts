import { ListTopicsCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, DeleteMessageCommand, GetQueueAttributesCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Region, Stoppable } from '../types.ts';
import type { Drill } from './drill.ts';
import { until } from './patience.ts';
import { asPerson } from './person.ts';

/** Lifeboat's topic, as far as a person can see. */
const TOPIC = /-notifications$/;

export interface Mail {
  subject: string;
  facts: Record<string, unknown>;
}

/** Reads what Lifeboat tells people in one region: a queue that is subscribed to its topic, as an address would be. */
export class Mailbox implements Stoppable {
  private readonly read: Mail[] = [];

  private constructor(
    private readonly sqs: SQSClient,
    private readonly queueUrl: string,
  ) {}

  static async open(drill: Drill, region: Region): Promise<Mailbox> {
    const settings = asPerson(drill.lab, region);
    const [sns, sqs] = [new SNSClient(settings), new SQSClient(settings)];
    const { Topics = [] } = await sns.send(new ListTopicsCommand({}));
    const topic = Topics.find(({ TopicArn = '' }) => TOPIC.test(TopicArn))?.TopicArn;
    if (!topic) throw new Error(`no topic of Lifeboat in ${region}`);
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'a-persons-mailbox' }));
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    await sns.send(new SubscribeCommand({ TopicArn: topic, Protocol: 'sqs', Endpoint: Attributes?.QueueArn }));
    sns.destroy();
    return new Mailbox(sqs, QueueUrl);
  }

  /** The first message, old or new, whose subject fits. */
  async message(subject: RegExp, boundMs: number): Promise<Mail> {
    const look = async () => {
      await this.fetch();
      return this.read.find((mail) => subject.test(mail.subject));
    };
    return until(`a message ${subject}`, look, boundMs);
  }

  async stop(): Promise<void> {
    this.sqs.destroy();
  }

  private async fetch(): Promise<void> {
    const { Messages = [] } = await this.sqs.send(new ReceiveMessageCommand({ QueueUrl: this.queueUrl, MaxNumberOfMessages: 10 }));
    for (const { Body = '{}', ReceiptHandle } of Messages) {
      const { Subject = '', Message = '{}' } = JSON.parse(Body) as { Subject?: string; Message?: string };
      this.read.push({ subject: Subject, facts: factsOf(Message) });
      await this.sqs.send(new DeleteMessageCommand({ QueueUrl: this.queueUrl, ReceiptHandle }));
    }
  }
}

const factsOf = (text: string): Record<string, unknown> => {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { text };
  }
};
