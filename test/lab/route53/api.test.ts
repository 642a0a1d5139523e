import {
  type Change,
  ChangeResourceRecordSetsCommand,
  ChangeTagsForResourceCommand,
  CreateHealthCheckCommand,
  CreateHostedZoneCommand,
  DeleteHealthCheckCommand,
  GetChangeCommand,
  GetHealthCheckCommand,
  GetHostedZoneCommand,
  InvalidChangeBatch,
  ListHealthChecksCommand,
  ListHostedZonesByNameCommand,
  ListHostedZonesCommand,
  ListResourceRecordSetsCommand,
  ListTagsForResourceCommand,
  type ResourceRecordSet,
  Route53Client,
  UpdateHealthCheckCommand,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Route53Service } from '../../../lab/route53/service.ts';
import { Endpoint } from './endpoint.ts';

// No endpoint answers: these tests are about the API alone.
const service = new Route53Service({ network: { route: async () => 1 } });
const endpoint = new Endpoint(service.handle);
let client: Route53Client;
let zoneId: string;

beforeAll(async () => {
  await endpoint.start();
  await service.start();
  client = new Route53Client(endpoint.client());
  const { HostedZone } = await client.send(new CreateHostedZoneCommand({ Name: 'Example.com', CallerReference: 'one' }));
  zoneId = HostedZone!.Id!;
});

afterAll(async () => {
  client.destroy();
  await endpoint.stop();
  await service.stop();
});

const record = (Name: string, over: Partial<ResourceRecordSet> = {}): ResourceRecordSet => ({
  Name,
  Type: 'A',
  TTL: 60,
  ResourceRecords: [{ Value: '192.0.2.9' }],
  ...over,
});
const change = (...Changes: Change[]) =>
  client.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: zoneId, ChangeBatch: { Comment: 'a & b', Changes } }));
const create = (ResourceRecordSet: ResourceRecordSet): Change => ({ Action: 'CREATE', ResourceRecordSet });

test('hosted zones: created, listed, found by name', async () => {
  const created = await client.send(new CreateHostedZoneCommand({ Name: 'other.org.', CallerReference: 'two' }));
  expect(created.Location).toContain(created.HostedZone!.Id);
  expect(created.DelegationSet?.NameServers).toHaveLength(2);
  expect((await client.send(new ListHostedZonesCommand({}))).HostedZones?.map(({ Name }) => Name)).toEqual(['example.com.', 'other.org.']);
  const byName = await client.send(new ListHostedZonesByNameCommand({ DNSName: 'other.org' }));
  expect(byName.HostedZones).toMatchObject([{ Name: 'other.org.', ResourceRecordSetCount: 2 }]);
  await expect(client.send(new GetHostedZoneCommand({ Id: 'ZNONE' }))).rejects.toMatchObject({ name: 'NoSuchHostedZone' });
});

test('record sets survive the way there and back, in order and in pages', async () => {
  const failover = record('orders.example.com', { SetIdentifier: 'p', Failover: 'PRIMARY' });
  const alias = { DNSName: 'lb.example.net', HostedZoneId: 'Z1', EvaluateTargetHealth: true };
  const { ChangeInfo } = await change(
    create(failover),
    create({ Name: 'www.example.com.', Type: 'A', AliasTarget: alias }),
    create(record('a.example.com', { Type: 'TXT', ResourceRecords: [{ Value: '"x <y>"' }] })),
  );
  expect(ChangeInfo).toMatchObject({ Status: 'PENDING', Comment: 'a & b', SubmittedAt: expect.any(Date) });
  expect((await client.send(new GetChangeCommand({ Id: ChangeInfo!.Id }))).ChangeInfo?.Status).toBe('INSYNC');
  const first = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, MaxItems: 3 }));
  expect(first).toMatchObject({ IsTruncated: true, NextRecordName: 'orders.example.com.', NextRecordType: 'A', NextRecordIdentifier: 'p' });
  expect(first.ResourceRecordSets?.[2]?.ResourceRecords).toEqual([{ Value: '"x <y>"' }]);
  const { NextRecordName: StartRecordName, NextRecordType: StartRecordType } = first;
  const second = await client.send(new ListResourceRecordSetsCommand({ HostedZoneId: zoneId, StartRecordName, StartRecordType }));
  expect(second.ResourceRecordSets).toEqual([
    { ...failover, Name: 'orders.example.com.' },
    { Name: 'www.example.com.', Type: 'A', AliasTarget: { ...alias, DNSName: 'lb.example.net.' } },
  ]);
});

test.each<[string, Change, RegExp]>([
  ['outside the zone', create(record('x.other.com')), /not permitted in zone example.com./],
  [
    'existing',
    create(record('orders.example.com', { SetIdentifier: 'p', Failover: 'PRIMARY' })),
    /set identifier='p'\] but it already exists/,
  ],
  [
    'unknown',
    { Action: 'DELETE', ResourceRecordSet: record('none.example.com') },
    /\[name='none.example.com.', type='A'\] but it was not found/,
  ],
  [
    'changed',
    { Action: 'DELETE', ResourceRecordSet: record('orders.example.com', { SetIdentifier: 'p', Failover: 'PRIMARY', TTL: 5 }) },
    /do not match the current values/,
  ],
  ['second primary', create(record('orders.example.com', { SetIdentifier: 'q', Failover: 'PRIMARY' })), /more than one failover record/],
  ['mixed', create(record('orders.example.com')), /mixes failover and simple/],
  [
    'CNAME beside A',
    create(record('orders.example.com', { Type: 'CNAME', ResourceRecords: [{ Value: 'x.org' }] })),
    /conflicts with other records/,
  ],
  ['CNAME at apex', create(record('example.com', { Type: 'CNAME', ResourceRecords: [{ Value: 'x.org' }] })), /not permitted at apex/],
])('a batch with a record that is %s is refused as a whole', async (_, bad, message) => {
  const error = await change(create(record('never.example.com')), bad).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InvalidChangeBatch);
  expect((error as Error).message).toMatch(message);
  expect(service.query('never.example.com', 'A').rcode).toBe('NXDOMAIN');
});

test.each<[string, Partial<ResourceRecordSet>, string]>([
  ['neither values nor alias', { TTL: undefined }, 'InvalidInput'],
  ['failover without identifier', { Failover: 'PRIMARY' }, 'InvalidInput'],
  ['a policy that is not modelled', { Region: 'us-east-1', SetIdentifier: 'x' }, 'InvalidInput'],
  ['an unknown health check', { HealthCheckId: 'none' }, 'NoSuchHealthCheck'],
])('a record with %s is refused', async (_, over, name) => {
  await expect(change(create(record('bad.example.com', over)))).rejects.toMatchObject({ name });
});

test('health checks: created once per reference, read, updated by version, tagged, deleted', async () => {
  const HealthCheckConfig = {
    Type: 'HTTPS' as const,
    FullyQualifiedDomainName: 'b.example',
    Inverted: true,
    RequestInterval: 10,
    ResourcePath: '/x',
  };
  const request = new CreateHealthCheckCommand({ CallerReference: 'ref', HealthCheckConfig });
  const { HealthCheck, Location } = await client.send(request);
  const id = HealthCheck!.Id!;
  expect(Location).toContain(id);
  expect((await client.send(request)).HealthCheck?.Id).toBe(id);
  expect((await client.send(new GetHealthCheckCommand({ HealthCheckId: id }))).HealthCheck?.HealthCheckConfig).toEqual({
    ...HealthCheckConfig,
    Port: 443,
    FailureThreshold: 3,
  });
  const update = new UpdateHealthCheckCommand({ HealthCheckId: id, HealthCheckVersion: 1, Disabled: true });
  expect((await client.send(update)).HealthCheck).toMatchObject({ HealthCheckVersion: 2, HealthCheckConfig: { Disabled: true } });
  await expect(client.send(update)).rejects.toMatchObject({ name: 'HealthCheckVersionMismatch' });
  await client.send(
    new ChangeTagsForResourceCommand({ ResourceType: 'healthcheck', ResourceId: id, AddTags: [{ Key: 'Name', Value: 'b' }] }),
  );
  const { ResourceTagSet } = await client.send(new ListTagsForResourceCommand({ ResourceType: 'healthcheck', ResourceId: id }));
  expect(ResourceTagSet?.Tags).toEqual([{ Key: 'Name', Value: 'b' }]);
  expect((await client.send(new ListHealthChecksCommand({}))).HealthChecks).toHaveLength(1);
  await client.send(new DeleteHealthCheckCommand({ HealthCheckId: id }));
  await expect(client.send(new GetHealthCheckCommand({ HealthCheckId: id }))).rejects.toMatchObject({ name: 'NoSuchHealthCheck' });
});

test('a health check of a kind that is not modelled is refused', async () => {
  const HealthCheckConfig = { Type: 'CLOUDWATCH_METRIC' as const, AlarmIdentifier: { Region: 'us-east-1' as const, Name: 'x' } };
  const request = new CreateHealthCheckCommand({ CallerReference: 'r2', HealthCheckConfig });
  await expect(client.send(request)).rejects.toMatchObject({ name: 'InvalidInput' });
});
