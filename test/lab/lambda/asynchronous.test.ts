import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InvokeCommand, type LambdaClient, PutFunctionEventInvokeConfigCommand } from '@aws-sdk/client-lambda';
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { client, createFunction } from './functions.ts';
import { EAST, startLab, type TestLab } from './lab.ts';

let lab: TestLab;
let lambda: LambdaClient;
let sqs: SQSClient;

beforeAll(async () => {
  lab = await startLab();
  lambda = client(lab.endpoint, EAST);
  sqs = new SQSClient({ region: EAST, endpoint: lab.endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
}, 120_000);

afterAll(() => lab.stop());

async function queue(name: string): Promise<{ url: string; arn: string }> {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  return { url: QueueUrl, arn: `arn:aws:sqs:${EAST}:000000000000:${name}` };
}

async function receive(url: string) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 10, MessageAttributeNames: ['All'] }),
  );
  const [message] = Messages;
  return { body: JSON.parse(message?.Body ?? 'null'), attributes: message?.MessageAttributes };
}

function send(FunctionName: string, event: unknown) {
  return lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(event) }));
}

it('is accepted at once, tried three times, and then sent to the failure destination', async () => {
  const destination = await queue('failures');
  await createFunction(lambda, 'flaky');
  await lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'flaky',
      Qualifier: '$LATEST',
      DestinationConfig: { OnFailure: { Destination: destination.arn } },
    }),
  );
  const file = join(lab.stateDir, 'attempts');
  expect((await send('flaky', { do: 'flaky', file })).StatusCode).toBe(202);
  const { body } = await receive(destination.url);
  expect(body).toMatchObject({
    requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3, functionArn: expect.stringContaining(':function:flaky') },
    requestPayload: { do: 'flaky', file },
    responseContext: { functionError: 'Unhandled' },
    responsePayload: { errorType: 'ReplicaLagged', errorMessage: 'attempt 3' },
  });
  expect(readFileSync(file, 'utf8')).toBe('3');
  expect(lab.seen).toContain('lambda-service sqs');
});

it('ends in the dead-letter queue, with the retries that the function is configured for', async () => {
  const letters = await queue('letters');
  await createFunction(lambda, 'doomed', undefined, { DeadLetterConfig: { TargetArn: letters.arn } });
  await lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: 'doomed', MaximumRetryAttempts: 0 }));
  await send('doomed', { do: 'fail', message: 'no' });
  const { body, attributes } = await receive(letters.url);
  expect(body).toEqual({ do: 'fail', message: 'no' });
  expect(attributes).toMatchObject({ ErrorCode: { StringValue: '200' }, ErrorMessage: { StringValue: 'no' } });
  expect(lab.service.logs(EAST, 'doomed').filter((line) => line.startsWith('REPORT'))).toHaveLength(1);
});

it('is not accepted for a function that does not exist', async () => {
  await expect(send('nobody', {})).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

it('serves the topics of the engine after their adoption', async () => {
  const sns = new SNSClient({ region: EAST, endpoint: lab.endpoint, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
  const Endpoint = await createFunction(lambda, 'subscriber', {
    'index.mjs': 'export const handler = async (e) => console.log(e.Records[0].Sns.Message, process.env.AWS_ACCESS_KEY_ID)',
  });
  await lab.service.adoptTriggers();
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'alarms' }));
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'lambda', Endpoint }));
  await sns.send(new PublishCommand({ TopicArn, Message: 'primary unhealthy' }));
  await expect
    .poll(() => lab.service.logs(EAST, 'subscriber').join('\n'), { timeout: 30_000 })
    .toMatch(/primary unhealthy ASIA[0-9A-F]{16}/);
});

it('has failed nowhere unseen', () => {
  expect(lab.errors).toEqual([]);
});
