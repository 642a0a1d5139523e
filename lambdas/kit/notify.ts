import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { guarded, localCalls } from './clients.ts';
import { required } from './step.ts';

export type Tell = (subject: string, facts: Record<string, unknown>) => Promise<void>;

/** Tells people over the site's topic. The subject is what a pager shows; the facts are names, counts and times, never rows or secrets. */
export const notifier = (topicArn = required('LIFEBOAT_TOPIC_ARN')): Tell => {
  const client = guarded(new SNSClient(localCalls));
  return async (subject, facts) => {
    await client.send(new PublishCommand({ TopicArn: topicArn, Subject: subject.slice(0, 99), Message: JSON.stringify(facts, null, 2) }));
  };
};
