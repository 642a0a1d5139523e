import { CreateDBInstanceCommand, CreateDBInstanceReadReplicaCommand, PromoteReadReplicaCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { available, EAST, eventually, Harness, MASTER, WEST } from './harness.ts';

let lab: Harness;

beforeAll(async () => {
  lab = await Harness.start();
  const size = { DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 };
  await lab
    .client(EAST)
    .send(new CreateDBInstanceCommand({ DBInstanceIdentifier: 'orders', Engine: 'postgres', DBName: 'orders', ...MASTER, ...size }));
  await lab.until(EAST, 'orders', available);
}, 30_000);

afterAll(() => lab.stop(), 30_000);

test('a replica in another region streams, and is promoted as on AWS', async () => {
  const primary = await lab.describe(EAST, 'orders');
  const writer = await lab.connect(EAST, primary.Endpoint!.Address!);
  await writer.query('create table item(id int primary key)');
  await lab
    .client(WEST)
    .send(
      new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: 'orders-replica', SourceDBInstanceIdentifier: primary.DBInstanceArn }),
    );
  await lab.until(WEST, 'orders-replica', available);
  await writer.query('insert into item values (1)');
  const replica = lab.rds.instance(WEST, 'orders-replica');
  await eventually(async () => (await replica.query('select 1 from item')).length === 1);
  await lab.client(WEST).send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'orders-replica' }));
  const seen = await lab.until(WEST, 'orders-replica', (i) => !i.ReadReplicaSourceDBInstanceIdentifier);
  expect(seen).toEqual(['available', 'modifying', 'rebooting', 'available']);
});
