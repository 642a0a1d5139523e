import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, GetItemCommand, ListTablesCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeDBInstancesCommand, PromoteReadReplicaCommand, RDSClient } from '@aws-sdk/client-rds';
import { ListHostedZonesCommand, Route53Client } from '@aws-sdk/client-route-53';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AwsReply } from '../../../lab/types.ts';
import { EAST, type Fixture, startFixture, WEST, WITNESS } from './fixture.ts';

let lab: Fixture;
let engine: Server;
let url: string;
const received: { path: string; headers: IncomingMessage['headers'] }[] = [];

beforeAll(async () => {
  engine = createServer((request, response) => {
    received.push({ path: request.url ?? '', headers: request.headers });
    request.resume().once('end', () => response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}'));
  });
  await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(engine.address() as AddressInfo).port}`;
});
afterAll(() => engine.close());
beforeEach(async () => {
  received.length = 0;
  lab = await startFixture();
  lab.gateway.upstream('default', () => url);
  lab.gateway.upstream('global', () => url);
});
afterEach(() => lab.stop());

const last = () => lab.gateway.calls.at(-1);
const dynamo = (zone: string, region = zone) => new DynamoDBClient(lab.client(zone, region));

describe('what the gateway understands of a call', () => {
  it('source by port, target by signature, operation by protocol, caller by key', async () => {
    await dynamo(EAST, WEST).send(new ListTablesCommand({}));
    expect(last()).toMatchObject({
      source: EAST,
      region: WEST,
      service: 'dynamodb',
      action: 'ListTables',
      principal: 'tester',
      status: 200,
    });
    await new RDSClient(lab.client('internet', EAST))
      .send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'x' }))
      .catch(() => undefined);
    expect(last()).toMatchObject({ source: 'internet', region: EAST, service: 'rds', action: 'PromoteReadReplica' });
    await new LambdaClient(lab.client(WEST)).send(new InvokeCommand({ FunctionName: 'f' }));
    expect(last()).toMatchObject({ service: 'lambda', action: 'Invoke' });
    await new CloudWatchClient(lab.client(WEST)).send(new DescribeAlarmsCommand({})).catch(() => undefined);
    expect(last()).toMatchObject({ service: 'monitoring', action: 'DescribeAlarms' });
  });

  it('Route 53 is called in us-east-1, wherever the client thinks it is', async () => {
    await new Route53Client(lab.client(WEST)).send(new ListHostedZonesCommand({})).catch(() => undefined);
    expect(last()).toMatchObject({ source: WEST, region: EAST, service: 'route53', action: 'ListHostedZones' });
  });

  it('presigned URLs, callbacks of custom resources and function URLs', async () => {
    const endpoint = lab.gateway.endpoint(WEST);
    await fetch(`${endpoint}/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260101%2F${EAST}%2Fs3%2Faws4_request`);
    expect(last()).toMatchObject({ service: 's3', region: EAST, action: 'GetObject', principal: 'AK' });
    await fetch(`${endpoint}/_ministack/cfn-response/token`, { method: 'PUT', body: '{}' });
    expect(last()).toMatchObject({ service: 'ministack', region: WEST, status: 200 });
    lab.gateway.functionUrls(async (call) => ({ status: 200, body: `${call.region} ${call.path}` }));
    const body = await get(`${endpoint}/beacon`, { host: `abc.lambda-url.${EAST}.on.aws` });
    expect(body).toBe(`${EAST} /beacon`);
    expect(received.map(({ path }) => path.split('?')[0])).toEqual(['/bucket/key', '/_ministack/cfn-response/token']);
  });

  it('a service of the lab serves the operations it registered for, the engine the others', async () => {
    lab.gateway.register('dynamodb', async () => ({ status: 200, body: '{"TableNames":["ours"]}' }), ['ListTables']);
    expect((await dynamo(EAST).send(new ListTablesCommand({}))).TableNames).toEqual(['ours']);
    await dynamo(EAST).send(new GetItemCommand({ TableName: 't', Key: { id: { S: '1' } } }));
    expect(received).toHaveLength(1);
    lab.gateway.register('dynamodb', async () => Promise.reject(new Error('a defect')));
    await expect(dynamo(EAST).send(new ListTablesCommand({}))).rejects.toMatchObject({ name: 'InternalFailure', message: 'a defect' });
  });
});

describe('a region or a link that is lost', () => {
  it('is silence, then a dropped connection; recorded as such', async () => {
    await lab.world.blackout(EAST);
    const began = Date.now();
    await expect(dynamo(WEST, EAST).send(new ListTablesCommand({}))).rejects.toThrow();
    expect(Date.now() - began).toBeGreaterThan(250);
    expect(last()).toMatchObject({ error: 'Blackout', status: 0 });
    await expect(dynamo(EAST, WEST).send(new ListTablesCommand({}))).rejects.toThrow();
    await dynamo(WEST).send(new ListTablesCommand({}));
    expect(received).toHaveLength(1);
    lab.world.cut(WEST, WITNESS);
    await expect(dynamo(WEST, WITNESS).send(new ListTablesCommand({}))).rejects.toThrow();
    expect(last()).toMatchObject({ error: 'LinkCut' });
  });

  it('takes the answer of a call that is under way', async () => {
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      lab.gateway.register('dynamodb', async () => {
        resolve();
        await new Promise<void>((done) => {
          answer = done;
        });
        return { status: 200, body: '{}' };
      });
    });
    const call = dynamo(WEST, EAST).send(new ListTablesCommand({}));
    await asked;
    lab.world.cut(EAST, WEST);
    answer();
    await expect(call).rejects.toThrow();
    expect(last()).toMatchObject({ error: 'LinkCut', status: 0 });
  });

  it('can refuse at once instead', async () => {
    const other = await startFixture({ unreachable: 'reset', blackholeMs: 60_000 });
    other.world.cut(EAST, WEST);
    await expect(new DynamoDBClient(other.client(EAST, WEST)).send(new ListTablesCommand({}))).rejects.toMatchObject({
      code: 'ECONNRESET',
    });
    await other.stop();
  });
});

describe('a global table', () => {
  const write = (zone: string) => dynamo(zone).send(new PutItemCommand({ TableName: 'Ledger', Item: { id: { S: 'x' } } }));
  const read = (zone: string, ConsistentRead: boolean) =>
    dynamo(zone).send(new GetItemCommand({ TableName: 'Ledger', Key: { id: { S: 'x' } }, ConsistentRead }));

  it('is one table for its replicas, under one region in the engine', async () => {
    lab.gateway.globalTable('Ledger', { replicas: [EAST, WEST], witness: WITNESS, consistency: 'strong' });
    await write(WEST);
    expect(received[0]?.headers.authorization).toContain(`/${EAST}/dynamodb/`);
    expect(last()).toMatchObject({ region: WEST });
    await write(WITNESS);
    expect(received[1]?.headers.authorization).toContain(`/${WITNESS}/dynamodb/`);
  });

  it('serves where a majority is reached, and eventually consistent reads anywhere', async () => {
    lab.gateway.globalTable('Ledger', { replicas: [EAST, WEST], witness: WITNESS, consistency: 'strong' });
    lab.world.cut(EAST, WEST);
    await write(EAST);
    await write(WEST);
    lab.world.cut(EAST, WITNESS);
    await expect(write(EAST)).rejects.toMatchObject({ name: 'InternalServerError', $metadata: { httpStatusCode: 500 } });
    await expect(read(EAST, true)).rejects.toMatchObject({ name: 'InternalServerError' });
    await read(EAST, false);
    await write(WEST);
  });
});

it('answers what the caller may not do as AWS would, and keeps why', async () => {
  const why = 'tester may not rds:DescribeDBInstances';
  lab.gateway.authorise = (call) => (call.service === 'rds' ? { resource: 'arn:aws:rds:::db:*', denied: why } : undefined);
  const denied = new RDSClient(lab.client(EAST)).send(new DescribeDBInstancesCommand({}));
  await expect(denied).rejects.toMatchObject({ name: 'AccessDenied', message: why, $metadata: { httpStatusCode: 403 } });
  lab.gateway.authorise = () => undefined;
  expect(lab.gateway.calls.at(-1)).toMatchObject({ resource: 'arn:aws:rds:::db:*', denied: why, status: 403 });
});

describe('faults', () => {
  it.each([
    ['throttle', 'dynamodb', () => dynamo(EAST).send(new ListTablesCommand({})), 'ThrottlingException', 400],
    ['throttle', 'rds', () => new RDSClient(lab.client(EAST)).send(new DescribeDBInstancesCommand({})), 'Throttling', 400],
    ['throttle', 's3', () => new S3Client(lab.client(EAST)).send(new ListObjectsV2Command({ Bucket: 'b' })), 'SlowDown', 503],
    [
      'throttle',
      'lambda',
      () => new LambdaClient(lab.client(EAST)).send(new InvokeCommand({ FunctionName: 'f' })),
      'TooManyRequestsException',
      429,
    ],
    ['server-error', 'route53', () => new Route53Client(lab.client(EAST)).send(new ListHostedZonesCommand({})), 'InternalFailure', 500],
    [
      'server-error',
      'monitoring',
      () => new CloudWatchClient(lab.client(EAST)).send(new DescribeAlarmsCommand({})),
      'InternalFailure',
      500,
    ],
    ['access-denied', 'states', () => new SFNClient(lab.client(EAST)).send(new ListStateMachinesCommand({})), 'AccessDeniedException', 400],
    ['access-denied', 'rds', () => new RDSClient(lab.client(EAST)).send(new DescribeDBInstancesCommand({})), 'AccessDenied', 403],
  ] as const)('%s of %s is the error that its clients know', async (kind, service, call, name, status) => {
    lab.gateway.faults.add({ kind, service });
    await expect(call()).rejects.toMatchObject({ name, $metadata: { httpStatusCode: status } });
    expect(last()).toMatchObject({ injected: kind, error: name, status });
    expect(received).toEqual([]);
  });

  it('hit what they name, so often, until they are taken away', async () => {
    const remove = lab.gateway.faults.add({
      kind: 'server-error',
      source: EAST,
      region: WEST,
      action: ['ListTables'],
      principal: 'tester',
    });
    await dynamo(EAST).send(new ListTablesCommand({}));
    await expect(dynamo(EAST, WEST).send(new ListTablesCommand({}))).rejects.toThrow();
    remove();
    await dynamo(EAST, WEST).send(new ListTablesCommand({}));
    lab.gateway.faults.add({ kind: 'throttle', count: 1 });
    await expect(dynamo(EAST).send(new ListTablesCommand({}))).rejects.toThrow();
    await dynamo(EAST).send(new ListTablesCommand({}));
  });

  it('hit one table and no other, where a function names it', async () => {
    const lists = () => dynamo(EAST).send(new ListTablesCommand({}));
    lab.gateway.faults.add({ kind: 'server-error', service: 'dynamodb', resourceEnd: 'table/ledger' });
    await lists();
    lab.gateway.authorise = () => ({ resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/other' });
    await lists();
    lab.gateway.authorise = () => ({ resource: 'arn:aws:dynamodb:us-east-1:000000000000:table/ledger' });
    await expect(lists()).rejects.toThrow();
    lab.gateway.authorise = () => undefined;
  });

  it('delay, or answer nothing', async () => {
    lab.gateway.faults.add({ kind: 'latency', latencyMs: 120, service: 'dynamodb' });
    const began = Date.now();
    await dynamo(EAST).send(new ListTablesCommand({}));
    expect(Date.now() - began).toBeGreaterThanOrEqual(115);
    const restore = lab.gateway.faults.sharedControlPlanesDown();
    await expect(new Route53Client(lab.client(WEST)).send(new ListHostedZonesCommand({}))).rejects.toThrow();
    expect(last()).toMatchObject({ error: 'Timeout', injected: 'timeout' });
    restore();
  });

  it('answer what is not so: the engine served the call, the caller hears something else', async () => {
    let hits = 0;
    const lie = (answer: AwsReply): AwsReply => ({ ...answer, status: 500, body: '{"__type":"InternalServerError"}' });
    lab.gateway.faults.add({ kind: 'wrong-answer', service: 'dynamodb', count: 1, lie, onHit: () => (hits += 1) });
    await expect(dynamo(EAST).send(new ListTablesCommand({}))).rejects.toMatchObject({ name: 'InternalServerError' });
    expect(received).toHaveLength(1);
    expect(last()).toMatchObject({ injected: 'wrong-answer', status: 500, served: 200 });
    expect(hits).toBe(1);
    await dynamo(EAST).send(new ListTablesCommand({}));
  });
});

/** A request with a Host header, which fetch does not let us choose. */
function get(address: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(address, { headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve(text);
    });
    request.once('error', reject);
    request.end();
  });
}
