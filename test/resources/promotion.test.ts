import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { DatabaseUnrecoverable, NotReady } from '../../lambdas/kit/errors.ts';
import { databasesOf } from '../../lambdas/resources/database.ts';
import { startFakeAws } from './fake-aws.ts';

const SOURCE = 'arn:aws:rds:us-east-1:000000000000:db:orders-primary';

let aws: { close: () => void };
let status = 'available';
let asked: string[] = [];

beforeAll(async () => {
  aws = await startFakeAws('us-west-2', (body, response) => {
    const action = new URLSearchParams(body).get('Action') ?? '';
    asked.push(action);
    const instance = `<DBInstanceStatus>${status}</DBInstanceStatus><ReadReplicaSourceDBInstanceIdentifier>${SOURCE}</ReadReplicaSourceDBInstanceIdentifier>`;
    const list = `<DBInstances><DBInstance>${instance}</DBInstance></DBInstances>`;
    const xml = `<${action}Response><${action}Result>${action.startsWith('Describe') ? list : ''}</${action}Result></${action}Response>`;
    response.writeHead(200, { 'content-type': 'text/xml' }).end(xml);
  });
});
afterAll(() => aws.close());
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
