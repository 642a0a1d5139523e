import { fileURLToPath } from 'node:url';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateHostedZoneCommand, ListHealthChecksCommand, ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { DescribeStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deploy } from '../../../lab/deploy/deploy.ts';
import { startMiniStack } from '../../../lab/engines/ministack.ts';
import { enginesPython } from '../../../lab/engines/venv.ts';
import { EAST, type Fixture, startFixture, WEST } from '../gateway/fixture.ts';

const project = fileURLToPath(new URL('./app', import.meta.url));
let lab: Fixture;
let python: string;

beforeAll(async () => {
  python = await enginesPython();
  lab = await startFixture({ blackholeMs: 30_000 });
  await startMiniStack({ world: lab.world, gateway: lab.gateway, processes: lab.supervisor, python });
}, 180_000);
afterAll(() => lab?.stop());

it('deploys an application of two regions as a user does', { timeout: 120_000 }, async () => {
  const { gateway, supervisor: processes } = lab;
  const dns = new Route53Client(lab.client(EAST));
  const zone = await dns.send(new CreateHostedZoneCommand({ Name: 'example.com', CallerReference: 'test' }));
  const lines: string[] = [];
  const order: string[] = [];
  const deployed = await deploy({
    gateway,
    processes,
    python,
    project,
    folder: processes.folder,
    environment: 'small',
    log: (line) => lines.push(line),
    deployed: async () => void order.push(...lines.filter((line) => line.includes('✅')).map(() => 'stack')),
  });
  expect(deployed).toEqual({
    stacks: ['small-ledger', 'small-site', 'small-site', 'small-dns'],
    left: ['small-site Runbook (AWS::SSM::Document)', 'small-site Runbook (AWS::SSM::Document)'],
    globalTables: ['small-ledger'],
  });
  expect(order).toEqual(['stack', 'stack', 'stack']);
  expect(lines.filter((line) => line.startsWith('Left out'))).toHaveLength(2);

  for (const region of [EAST, WEST]) {
    const name = 'small-machine';
    const stateMachineArn = `arn:aws:states:${region}:000000000000:stateMachine:${name}`;
    const { definition } = await new SFNClient(lab.client(region)).send(new DescribeStateMachineCommand({ stateMachineArn }));
    expect(definition).toContain(`arn:aws:lambda:${region}:000000000000:function:small-step`);
    expect((await new SchedulerClient(lab.client(region)).send(new GetScheduleCommand({ Name: 'small-schedule' }))).State).toBe('ENABLED');
    const alarms = await new CloudWatchClient(lab.client(region)).send(new DescribeAlarmsCommand({ AlarmNames: ['small-alarm'] }));
    expect(alarms.MetricAlarms).toHaveLength(1);
  }
  const item = { pk: { S: 'x' } };
  await new DynamoDBClient(lab.client(EAST)).send(new PutItemCommand({ TableName: 'small-ledger', Item: item }));
  const read = await new DynamoDBClient(lab.client(WEST)).send(
    new GetItemCommand({ TableName: 'small-ledger', Key: item, ConsistentRead: true }),
  );
  expect(read.Item).toEqual(item);

  const checks = await dns.send(new ListHealthChecksCommand({}));
  expect(checks.HealthChecks?.[0]?.HealthCheckConfig).toMatchObject({
    FullyQualifiedDomainName: 'beacon.us-west-2.example.com',
    Inverted: true,
  });
  const records = await dns.send(new ListResourceRecordSetsCommand({ HostedZoneId: zone.HostedZone?.Id }));
  const record = records.ResourceRecordSets?.find(({ SetIdentifier }) => SetIdentifier === 'primary');
  expect(record).toMatchObject({
    TTL: 10,
    HealthCheckId: checks.HealthChecks?.[0]?.Id,
    ResourceRecords: [{ Value: 'primary.example.com' }],
  });
});

it('fails with what the CDK said', { timeout: 60_000 }, async () => {
  const { gateway, supervisor: processes } = lab;
  const options = { gateway, processes, python, folder: processes.folder, environment: 'small', log: () => undefined };
  await expect(deploy({ ...options, project: processes.folder })).rejects.toThrow(/cdk synth failed:\n.*--app is required/s);
});
