import { CreateTableCommand, DynamoDBClient, GetItemCommand, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMiniStack } from '../../../lab/engines/ministack.ts';
import { enginesPython } from '../../../lab/engines/venv.ts';
import { EAST, type Fixture, startFixture, WEST, WITNESS } from '../gateway/fixture.ts';

let lab: Fixture;

beforeAll(async () => {
  const python = await enginesPython();
  lab = await startFixture();
  await startMiniStack({ world: lab.world, gateway: lab.gateway, processes: lab.supervisor, python });
}, 180_000);
afterAll(() => lab?.stop());

const TABLE = {
  TableName: 'Items',
  BillingMode: 'PAY_PER_REQUEST',
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
} as const;
const create = () =>
  new CreateTableCommand({ ...TABLE, KeySchema: [...TABLE.KeySchema], AttributeDefinitions: [...TABLE.AttributeDefinitions] });

describe('MiniStack behind the gateway', () => {
  it('keeps regions apart', async () => {
    const east = new DynamoDBClient(lab.client(EAST));
    await east.send(create());
    expect((await east.send(new ListTablesCommand({}))).TableNames).toEqual(['Items']);
    expect((await new DynamoDBClient(lab.client(EAST, WEST)).send(new ListTablesCommand({}))).TableNames).toEqual([]);
    const last = lab.gateway.calls.at(-1);
    expect(last).toMatchObject({ source: EAST, region: WEST, service: 'dynamodb', action: 'ListTables', principal: 'tester', status: 200 });
  });

  it('takes objects in chunks with trailing checksums, and refuses a second conditional write', async () => {
    const s3 = new S3Client(lab.client(WEST));
    await s3.send(new CreateBucketCommand({ Bucket: 'objects' }));
    const body = 'x'.repeat(300_000);
    const put = () => s3.send(new PutObjectCommand({ Bucket: 'objects', Key: 'a/b', Body: body, IfNoneMatch: '*' }));
    await put();
    const got = await s3.send(new GetObjectCommand({ Bucket: 'objects', Key: 'a/b' }));
    expect(await got.Body?.transformToString()).toBe(body);
    await expect(put()).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('keeps a global table through the loss of a region, and the region’s own tables for its return', async () => {
    lab.gateway.globalTable('Ledger', { replicas: [EAST, WEST], witness: WITNESS, consistency: 'strong' });
    const [east, west] = [new DynamoDBClient(lab.client(EAST)), new DynamoDBClient(lab.client(WEST))];
    await west.send(new CreateTableCommand({ ...create().input, TableName: 'Ledger' }));
    await east.send(new PutItemCommand({ TableName: 'Ledger', Item: { id: { S: 'lease' } } }));
    await lab.world.blackout(EAST);
    const read = await west.send(new GetItemCommand({ TableName: 'Ledger', Key: { id: { S: 'lease' } }, ConsistentRead: true }));
    expect(read.Item).toEqual({ id: { S: 'lease' } });
    await expect(east.send(new ListTablesCommand({}))).rejects.toThrow();
    expect((await new STSClient(lab.client(WEST)).send(new GetCallerIdentityCommand({}))).Account).toBe('000000000000');
    await lab.world.restore(EAST);
    expect((await east.send(new ListTablesCommand({}))).TableNames).toEqual(['Items']);
  });
});
