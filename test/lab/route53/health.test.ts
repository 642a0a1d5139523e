import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  ChangeResourceRecordSetsCommand,
  CreateHealthCheckCommand,
  CreateHostedZoneCommand,
  GetHealthCheckStatusCommand,
  type HealthCheckConfig,
  type ResourceRecordSet,
  Route53Client,
  TestDNSAnswerCommand,
  UpdateHealthCheckCommand,
} from '@aws-sdk/client-route-53';
import { type DecodedPacket, decode, encode, type RecordType } from 'dns-packet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LabNetwork } from '../../../lab/network/network.ts';
import { Route53Service } from '../../../lab/route53/service.ts';
import { World } from '../../../lab/world.ts';
import { until } from '../network/tools.ts';
import { Endpoint } from './endpoint.ts';

const world = new World(['us-east-1', 'us-west-2']);
const network = new LabNetwork({ world });
const service = new Route53Service({ network, secondMs: 3, timeouts: { connectMs: 500, answerMs: 500 } });
const endpoint = new Endpoint(service.handle);
const hosts: string[] = [];
let status = 503;
const beacon = createServer((request, response) => {
  hosts.push(`${request.headers.host}${request.url}`);
  if (status === 0) return;
  response.writeHead(status).end('the beacon says hello');
});
let client: Route53Client;
let zoneId: string;

beforeAll(async () => {
  network.resolveAlias = (name) => service.resolve(name);
  beacon.listen(0, '127.0.0.1');
  await Promise.all([once(beacon, 'listening'), endpoint.start(), network.start(), service.start()]);
  network.publish('beacon.lambda-url.example', 443, 'us-west-2', (beacon.address() as AddressInfo).port);
  network.publish('beacon.lambda-url.example', 80, 'us-west-2', (beacon.address() as AddressInfo).port);
  client = new Route53Client(endpoint.client());
  zoneId = (await client.send(new CreateHostedZoneCommand({ Name: 'example.com', CallerReference: 'one' }))).HostedZone!.Id!;
});

afterAll(async () => {
  client.destroy();
  await Promise.all([service.stop(), endpoint.stop()]);
  await network.stop();
  beacon.closeAllConnections();
  beacon.close();
});

async function createCheck(reference: string, over: HealthCheckConfig): Promise<string> {
  const config = { FullyQualifiedDomainName: 'beacon.lambda-url.example', RequestInterval: 10, FailureThreshold: 2, ...over };
  const { HealthCheck } = await client.send(new CreateHealthCheckCommand({ CallerReference: reference, HealthCheckConfig: config }));
  return HealthCheck!.Id!;
}

async function put(...records: ResourceRecordSet[]): Promise<void> {
  const Changes = records.map((ResourceRecordSet) => ({ Action: 'UPSERT' as const, ResourceRecordSet }));
  await client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Changes } }));
}

const cname = (Name: string, value: string, over: Partial<ResourceRecordSet> = {}): ResourceRecordSet => ({
  Name,
  Type: 'CNAME',
  TTL: 5,
  ResourceRecords: [{ Value: value }],
  ...over,
});

async function dig(name: string, type: RecordType = 'A'): Promise<DecodedPacket> {
  const socket = createSocket('udp4');
  socket.send(encode({ type: 'query', id: 7, questions: [{ type, name }] }), service.dnsPort, '127.0.0.1');
  const [reply] = (await once(socket, 'message', { signal: AbortSignal.timeout(2000) })) as [Buffer];
  socket.close();
  return decode(reply);
}

test('standby takes over primary: an inverted check on the beacon moves the name and back', async () => {
  status = 503;
  const check = await createCheck('beacon', { Type: 'HTTPS', ResourcePath: '/secret', Inverted: true });
  expect(service.isHealthy(check)).toBe(false);
  const failover = (SetIdentifier: 'PRIMARY' | 'SECONDARY') => ({ SetIdentifier, Failover: SetIdentifier });
  await put(
    cname('orders.example.com', 'east.example', { ...failover('PRIMARY'), HealthCheckId: check }),
    cname('orders.example.com', 'west.example', failover('SECONDARY')),
  );
  await until(() => service.isHealthy(check));
  expect(hosts).toContain('beacon.lambda-url.example/secret');
  expect((await dig('ORDERS.example.com')).answers).toEqual([
    { name: 'orders.example.com', type: 'CNAME', ttl: 5, class: 'IN', flush: false, data: 'east.example' },
  ]);
  status = 200;
  await until(() => !service.isHealthy(check));
  expect(await service.resolve('orders.example.com')).toBe('west.example');
  const observed = await client.send(new GetHealthCheckStatusCommand({ HealthCheckId: check }));
  expect(observed.HealthCheckObservations).toHaveLength(3);
  expect(observed.HealthCheckObservations?.[0]).toMatchObject({
    StatusReport: { Status: 'Success: HTTP Status Code 200, OK', CheckedTime: expect.any(Date) },
  });
  await world.blackout('us-west-2');
  await until(() => service.isHealthy(check));
  expect(await service.resolve('orders.example.com')).toBe('east.example');
  await world.restore('us-west-2');
  await until(() => !service.isHealthy(check));
});

test('an endpoint that accepts and does not answer is unhealthy; a disabled check is healthy', async () => {
  status = 0;
  const check = await createCheck('silent', { Type: 'HTTP' });
  expect(service.isHealthy(check)).toBe(true);
  await until(() => !service.isHealthy(check));
  await client.send(new UpdateHealthCheckCommand({ HealthCheckId: check, Disabled: true }));
  expect(service.isHealthy(check)).toBe(true);
  status = 200;
});

test('string matching, TCP and calculated checks', async () => {
  status = 200;
  const [hello, bye] = [
    await createCheck('hello', { Type: 'HTTP_STR_MATCH', SearchString: 'hello' }),
    await createCheck('bye', { Type: 'HTTP_STR_MATCH', SearchString: 'goodbye' }),
  ];
  const tcp = await createCheck('tcp', { Type: 'TCP', Port: 443 });
  const one = await createCheck('one', { Type: 'CALCULATED', ChildHealthChecks: [hello, bye], HealthThreshold: 1 });
  const both = await createCheck('both', { Type: 'CALCULATED', ChildHealthChecks: [hello, bye], HealthThreshold: 2 });
  await until(() => !service.isHealthy(bye));
  expect([hello, tcp, one, both].map((id) => service.isHealthy(id))).toEqual([true, true, true, false]);
});

test('answers: A with its TTL, CNAME chains, alias, weights, unknown names and foreign zones', async () => {
  const address = { Type: 'A' as const, TTL: 30, ResourceRecords: [{ Value: '192.0.2.1' }, { Value: '192.0.2.2' }] };
  await put(
    { Name: 'two.example.com', ...address },
    cname('chain.example.com', 'two.example.com'),
    { Name: 'alias.example.com', Type: 'A', AliasTarget: { DNSName: 'two.example.com', HostedZoneId: 'Z', EvaluateTargetHealth: false } },
    { Name: 'lb.example.com', Type: 'A', AliasTarget: { DNSName: 'lb.elb.example', HostedZoneId: 'Z', EvaluateTargetHealth: true } },
    cname('weighted.example.com', 'a.example', { SetIdentifier: 'a', Weight: 0 }),
    cname('weighted.example.com', 'b.example', { SetIdentifier: 'b', Weight: 10 }),
    cname('deep.under.example.com', 'x.example'),
  );
  const answers = async (name: string, type?: RecordType) =>
    (await dig(name, type)).answers?.map((answer) =>
      'data' in answer ? `${answer.name} ${answer.type} ${'ttl' in answer && answer.ttl} ${answer.data}` : '',
    );
  expect(await answers('two.example.com')).toEqual(['two.example.com A 30 192.0.2.1', 'two.example.com A 30 192.0.2.2']);
  expect(await answers('chain.example.com')).toHaveLength(3);
  expect(await answers('alias.example.com')).toEqual(['alias.example.com A 30 192.0.2.1', 'alias.example.com A 30 192.0.2.2']);
  expect(await answers('lb.example.com')).toEqual(['lb.example.com CNAME 60 lb.elb.example']);
  expect(await answers('weighted.example.com', 'CNAME')).toEqual(['weighted.example.com CNAME 5 b.example']);
  const tested = await client.send(new TestDNSAnswerCommand({ HostedZoneId: zoneId, RecordName: 'two.example.com', RecordType: 'A' }));
  expect(tested).toMatchObject({ RecordData: ['192.0.2.1', '192.0.2.2'], ResponseCode: 'NOERROR', Protocol: 'UDP' });
  expect(await service.resolve('chain.example.com')).toBe('192.0.2.2');
  expect((await dig('example.com', 'SOA')).answers).toHaveLength(1);
  expect(await dig('none.example.com')).toMatchObject({ rcode: 'NXDOMAIN', flag_aa: true });
  expect(await dig('under.example.com')).toMatchObject({ rcode: 'NOERROR', answers: [] });
  expect(await dig('foreign.org')).toMatchObject({ rcode: 'REFUSED' });
});
