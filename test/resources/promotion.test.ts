import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { DatabaseUnrecoverable, NotReady } from '../../lambdas/kit/errors.ts';
import { databasesOf } from '../../lambdas/resources/database.ts';

const NAMES = ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
const SOURCE = 'arn:aws:rds:us-east-1:000000000000:db:orders-primary';

let server: Server;
let status = 'available';
let asked: string[] = [];
const saved = { ...process.env };

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const action = new URLSearchParams(Buffer.concat(chunks).toString()).get('Action') ?? '';
    asked.push(action);
    const instance = `<DBInstanceStatus>${status}</DBInstanceStatus><ReadReplicaSourceDBInstanceIdentifier>${SOURCE}</ReadReplicaSourceDBInstanceIdentifier>`;
    const list = `<DBInstances><DBInstance>${instance}</DBInstance></DBInstances>`;
    const xml = `<${action}Response><${action}Result>${action.startsWith('Describe') ? list : ''}</${action}Result></${action}Response>`;
    response.writeHead(200, { 'content-type': 'text/xml' }).end(xml);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, Object.fromEntries([endpoint, 'us-west-2', 'a', 's'].map((value, i) => [NAMES[i], value])));
});
afterAll(() => {
  for (const name of NAMES) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
  server.close();
});
beforeEach(() => {
  asked = [];
});

const promote = async (given: string): Promise<string[]> => {
  status = given;
  const [standby] = databasesOf(demo.workloads[0]!, { plan: demo, now: Date.now, sleep: async () => {} }, 'recovery');
  await expect(standby!.promote()).rejects.toBeInstanceOf(given === 'storage-full' ? DatabaseUnrecoverable : NotReady);
  return asked;
};

it.each(['available', 'storage-optimization', 'configuring-enhanced-monitoring', 'something new'])(
  'is asked for of a standby that is %s: whether it can be now, RDS says',
  async (given) => {
    expect(await promote(given)).toEqual(['DescribeDBInstances', 'PromoteReadReplica']);
  },
);

it.each(['modifying', 'rebooting', 'storage-full'])('is not asked for of one that is %s', async (given) => {
  expect(await promote(given)).toEqual(['DescribeDBInstances']);
});
