import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as sdk from '@aws-sdk/client-rds';
import {
  DBInstanceNotFoundFault,
  DescribeDBInstancesCommand,
  DescribeDBInstancesMessage$,
  InvalidDBInstanceStateFault,
  ModifyDBInstanceCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { afterEach, expect, test } from 'vitest';
import { instanceNotFound, invalidInstanceState, invalidValue } from '../../../lab/rds/errors.ts';
import { decodeInput, encodeError, encodeOutput } from '../../../lab/rds/query-protocol.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0)) undo();
});

/** The real client against a server that answers with this; what the server decoded is kept. */
async function exchange(answer: (action: string) => object): Promise<{ client: RDSClient; inputs: unknown[] }> {
  const inputs: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const action = form.get('Action')!;
    inputs.push(decodeInput(action, form));
    try {
      response.end(encodeOutput(action, answer(action), 'request-1'));
    } catch (error) {
      const { status, xml } = encodeError(error, 'request-1');
      response.writeHead(status).end(xml);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const client = new RDSClient({ region: 'us-east-1', endpoint: `http://127.0.0.1:${port}`, credentials, maxAttempts: 1 });
  cleanup.push(
    () => client.destroy(),
    () => server.close(),
  );
  return { client, inputs };
}

const INSTANCE = {
  DBInstanceIdentifier: 'a<b>&"c\'',
  AllocatedStorage: 20,
  MultiAZ: true,
  DeletionProtection: false,
  InstanceCreateTime: new Date('2026-11-20T12:34:56.789Z'),
  Endpoint: { Address: 'a.example.com', Port: 5432 },
  VpcSecurityGroups: [
    { VpcSecurityGroupId: 'sg-1', Status: 'active' },
    { VpcSecurityGroupId: 'sg-2', Status: 'active' },
  ],
  ReadReplicaDBInstanceIdentifiers: ['one', 'two'],
  EnabledCloudwatchLogsExports: [],
  StatusInfos: [{ StatusType: 'read replication', Normal: true, Status: 'replicating' }],
  TagList: [{ Key: 'empty', Value: '' }],
};

test('an answer is what the client reads', async () => {
  const { client } = await exchange(() => ({ DBInstances: [INSTANCE], Marker: 'next' }));
  const answer = await client.send(new DescribeDBInstancesCommand({}));
  expect(answer).toMatchObject({ DBInstances: [INSTANCE], Marker: 'next' });
  expect(Object.keys(answer.DBInstances![0]!).sort()).toEqual(Object.keys(INSTANCE).sort());
});

test('an input is what the client sent', async () => {
  const { client, inputs } = await exchange(() => ({}));
  const describe = { Filters: [{ Name: 'db-instance-id', Values: ['a', 'b'] }], MaxRecords: 20 };
  await client.send(new DescribeDBInstancesCommand(describe));
  const modify = { DBInstanceIdentifier: 'a', ApplyImmediately: true, VpcSecurityGroupIds: [...'abcdefghijkl'], BackupRetentionPeriod: 0 };
  await client.send(new ModifyDBInstanceCommand(modify));
  expect(inputs).toEqual([describe, modify]);
});

test('faults are the client’s own exceptions, with their wire codes', async () => {
  const faults = [instanceNotFound('a'), invalidInstanceState('busy'), invalidValue('no')];
  const { client } = await exchange(() => {
    throw faults.shift();
  });
  const send = () => client.send(new DescribeDBInstancesCommand({})).catch((error: unknown) => error);
  expect(await send()).toBeInstanceOf(DBInstanceNotFoundFault);
  const state = await send();
  expect(state).toBeInstanceOf(InvalidDBInstanceStateFault);
  expect(state).toMatchObject({ message: 'busy', $metadata: { httpStatusCode: 400 }, Code: 'InvalidDBInstanceState' });
  expect(await send()).toMatchObject({ name: 'InvalidParameterValue', message: 'no' });
});

test('every operation of the API can answer, and an unknown one is refused', () => {
  expect(DescribeDBInstancesMessage$).toBeDefined();
  const names = Object.keys(sdk)
    .filter((name) => /^[A-Z]\w+Command$/.test(name))
    .map((name) => name.replace('Command', ''));
  expect(names.length).toBeGreaterThan(150);
  for (const name of names) expect(encodeOutput(name, {}, 'r')).toMatch(new RegExp(`^<${name}Response .*</${name}Response>$`));
  expect(() => encodeOutput('LaunchRocket', {}, 'r')).toThrow(/not valid/);
});
