import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import demo from '../../environments/demo.ts';
import { DatabaseUnrecoverable, NotReady } from '../../lambdas/kit/errors.ts';
import { type Isolation, IsolationMemory } from '../../lambdas/kit/fences.ts';
import type { Ledger } from '../../lambdas/kit/ledger.ts';
import { type DatabaseAdapter, databasesOf } from '../../lambdas/resources/database.ts';
import { prepareLease } from '../../lambdas/resources/postgres-lease.ts';
import { MemoryLedger, NOW } from '../kit/services.ts';
import { WorkloadDatabase } from './database.ts';

const HERE = '127.0.0.1';
const LOGIN = { username: 'lifeboat_admin', password: 'correct-horse' };
const ENVIRONMENT = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
const TTL_MS = 15_000;

let database: WorkloadDatabase;
let master: pg.Client;
let server: Server;
const saved = { ...process.env };
/** What RDS and Secrets Manager say, and what they were asked. */
const api = { state: 'well' as 'well' | 'failing' | 'hanging', address: HERE as string | undefined, login: LOGIN, asked: [] as string[] };
let test = 0;

const describeInstance = (response: ServerResponse): void => {
  if (!api.address) {
    const xml = '<ErrorResponse><Error><Code>DBInstanceNotFound</Code><Message>m</Message></Error></ErrorResponse>';
    return void response.writeHead(404, { 'content-type': 'text/xml' }).end(xml);
  }
  const endpoint = `<Endpoint><Address>${api.address}</Address></Endpoint><DbiResourceId>db-1</DbiResourceId>`;
  const groups =
    '<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-0a</VpcSecurityGroupId></VpcSecurityGroupMembership></VpcSecurityGroups>';
  const list = `<DBInstances><DBInstance>${endpoint}${groups}</DBInstance></DBInstances>`;
  const xml = `<DescribeDBInstancesResponse><DescribeDBInstancesResult>${list}</DescribeDBInstancesResult></DescribeDBInstancesResponse>`;
  response.writeHead(200, { 'content-type': 'text/xml' }).end(xml);
};

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
  await prepareLease(master);
  server = createServer((request, response) => {
    request.resume();
    const isSecret = request.headers['x-amz-target'] !== undefined;
    api.asked.push(isSecret ? 'secret' : 'instance');
    if (api.state === 'hanging') return;
    if (api.state === 'failing') return void response.writeHead(500).end();
    if (!isSecret) return describeInstance(response);
    const body = JSON.stringify({ SecretString: JSON.stringify(api.login) });
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(body);
  });
  server.listen(0, HERE);
  await once(server, 'listening');
  const endpoint = `http://${HERE}:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, Object.fromEntries([endpoint, 'us-east-1', 'a', 's'].map((value, i) => [ENVIRONMENT[i], value])));
}, 60_000);
afterAll(async () => {
  for (const name of ENVIRONMENT) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
  server.closeAllConnections();
  server.close();
  await database.stop();
}, 30_000);
beforeEach(async () => {
  test += 1; // what a sandbox remembers of one test's database is nothing to the next one's
  await superuser(`ALTER ROLE ${LOGIN.username} PASSWORD '${LOGIN.password}'`);
  Object.assign(api, { state: 'well', address: HERE, login: LOGIN, asked: [] });
});

const superuser = async (sql: string) => (await database.superuser()).query(sql);

/** What the next minute's loop begins with. */
const nextLoop = (ledger?: MemoryLedger): DatabaseAdapter => {
  const workload = demo.workloads[0]!;
  const instances = { primary: `outage-${test}`, recovery: `outage-${test}-replica` };
  const config = { ...workload.databases[0]!, instances, port: database.primary.port, tls: false };
  const base = { plan: demo, now: () => NOW, sleep: async () => {}, ledger: ledger as unknown as Ledger };
  return databasesOf({ ...workload, databases: [config] }, base, 'primary')[0]!;
};
const renew = (adapter = nextLoop()) => adapter.extend(1, () => TTL_MS);

describe('an outage of the APIs of RDS and Secrets Manager', () => {
  it.each(['failing', 'hanging'] as const)('keeps no later loop of the sandbox from renewing (%s)', async (state) => {
    await renew();
    api.state = state;
    api.asked.length = 0;
    expect(await renew()).toBe('renewed');
    expect(api.asked).toEqual([]);
  });

  it('keeps a loop from renewing that finds nothing remembered', async () => {
    api.state = 'failing';
    await expect(renew()).rejects.toThrow();
    api.state = 'well';
    expect(await renew()).toBe('renewed');
  });

  it.each(['failing', 'hanging'] as const)('lets what failed once be tried on (%s): the address', async (state) => {
    api.address = 'nowhere.invalid';
    await expect(renew()).rejects.toBeInstanceOf(NotReady);
    api.state = state;
    const began = performance.now();
    await expect(renew()).rejects.toThrow(/cannot connect to nowhere/);
    expect(performance.now() - began).toBeLessThan(TTL_MS / 2);
  });

  it.each(['failing', 'hanging'] as const)('lets what failed once be tried on (%s): the login', async (state) => {
    await renew();
    await superuser(`ALTER ROLE ${LOGIN.username} PASSWORD 'for a moment'`);
    api.state = state;
    const began = performance.now();
    await expect(renew()).rejects.toBeInstanceOf(NotReady);
    expect(performance.now() - began).toBeLessThan(TTL_MS / 2);
    await superuser(`ALTER ROLE ${LOGIN.username} PASSWORD '${LOGIN.password}'`);
    expect(await renew()).toBe('renewed');
  });
});

describe('what is remembered', () => {
  it('is a login until the server refuses it: then it is read anew, and tried at once', async () => {
    await renew();
    api.login = { ...LOGIN, password: 'of tomorrow' };
    expect(await renew()).toBe('renewed');
    await superuser(`ALTER ROLE ${LOGIN.username} PASSWORD 'of tomorrow'`);
    api.asked.length = 0;
    expect(await renew()).toBe('renewed');
    expect(api.asked).toEqual(['secret']);
  });

  it('is an address until it does not connect', async () => {
    api.address = 'nowhere.invalid';
    await expect(renew()).rejects.toThrow(/cannot connect to nowhere/);
    api.address = HERE;
    expect(await renew()).toBe('renewed');
    api.state = 'failing';
    expect(await renew()).toBe('renewed');
  });

  it('is no instance that RDS says is gone', async () => {
    api.address = 'nowhere.invalid';
    await expect(renew()).rejects.toBeInstanceOf(NotReady);
    api.address = undefined;
    await expect(renew()).rejects.toBeInstanceOf(DatabaseUnrecoverable);
  });

  it('is told to nobody', async () => {
    const written = vi.spyOn(process.stdout, 'write');
    const adapter = nextLoop();
    await renew(adapter);
    await superuser(`ALTER ROLE ${LOGIN.username} PASSWORD 'of tomorrow'`);
    const refusal: unknown = await renew(adapter).catch((error: unknown) => error);
    const told = [...written.mock.calls.map(([text]) => String(text)), inspect([adapter, refusal], { depth: 12 })];
    written.mockRestore();
    expect(refusal).toBeInstanceOf(NotReady);
    expect(told.filter((text) => text.includes(LOGIN.password))).toEqual([]);
  });
});

it('an opening by SQL notes that an isolation is over', async () => {
  const ledger = new MemoryLedger();
  const memory = new IsolationMemory(ledger as unknown as Ledger, { workload: 'orders', site: 'primary', database: 'orders' });
  const isolation: Isolation = { resourceId: 'db-1', securityGroupIds: ['sg-0a'], isolatedAt: new Date(NOW - 120_000).toISOString() };
  await memory.write({ ...isolation, rebootAskedAt: isolation.isolatedAt });
  expect(await nextLoop(ledger).open(1, () => TTL_MS)).toBe('renewed');
  await vi.waitFor(async () => expect(await memory.read()).toBeUndefined());
});
