import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { AddTagsToResourceCommand, RDSClient } from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import { asPerson } from './person.ts';

/** A function's longest run, and its cold start. */
const JANITOR_TIMEOUT_MS = 120_000;

/** Runs a janitor at once: its schedule comes every few minutes, and a drill does not wait for it. */
export async function runJanitor(drill: Drill, region: Region, step: 'sweep-copies' | 'sweep-restores'): Promise<void> {
  const lambda = new LambdaClient(asPerson(drill.lab, region, { timeoutMs: JANITOR_TIMEOUT_MS }));
  const { FunctionError } = await lambda
    .send(new InvokeCommand({ FunctionName: `lifeboat-${drill.environment}-${step}`, Payload: Buffer.from('{}') }))
    .finally(() => lambda.destroy());
  if (FunctionError) throw new Error(`the janitor failed: ${FunctionError}`);
}

/** Hours pass: a tag of an instance or a snapshot says a time that is over. */
export async function expire(drill: Drill, region: Region, ResourceName: string, tag: string): Promise<void> {
  const rds = new RDSClient(asPerson(drill.lab, region));
  const Tags = [{ Key: tag, Value: new Date(Date.now() - 1_000).toISOString() }];
  await rds.send(new AddTagsToResourceCommand({ ResourceName, Tags })).finally(() => rds.destroy());
}

/** Weeks pass: an incident was opened as long ago. */
export async function backdate(drill: Drill, region: Region, incident: string, days: number): Promise<void> {
  const ledger = new DynamoDBClient(asPerson(drill.lab, region));
  await ledger
    .send(
      new UpdateItemCommand({
        TableName: `lifeboat-${drill.environment}-ledger`,
        Key: { pk: { S: `incident#${incident}` }, sk: { S: 'orders' } },
        UpdateExpression: 'SET openedAt = :then',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':then': { S: new Date(Date.now() - days * 86_400_000).toISOString() } },
      }),
    )
    .finally(() => ledger.destroy());
}
