import {
  CreateDBInstanceReadReplicaCommand,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
  RebootDBInstanceCommand,
} from '@aws-sdk/client-rds';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { available, EAST, eventually, Harness, MASTER, WEST } from './harness.ts';

let lab: Harness;
let host: string;
let writer: pg.Client;
let next = 1;
let acknowledged: number[] = [];

/** Writes single rows, each its own transaction, and keeps what was acknowledged. */
async function write(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const id = next++;
    await writer.query('insert into item values ($1)', [id]);
    acknowledged.push(id);
  }
}

async function rowsOf(region: string, identifier: string): Promise<number[]> {
  const rows = await lab.rds.instance(region, identifier).query('select id from item order by id');
  return rows.map((row) => Number(row.id));
}

beforeAll(async () => {
  lab = await Harness.start();
  const primary = await lab.create(EAST, 'orders');
  host = primary.Endpoint!.Address!;
  writer = await lab.connect(EAST, host);
  await writer.query('create table item (id int primary key)');
  await lab.replicate(WEST, 'orders-replica', primary);
});

beforeEach(async () => {
  if (!lab.world.isDark(EAST)) writer = await lab.connect(EAST, host);
});

afterAll(() => lab.stop());

test('servers run without fsync but acknowledge only what is written', async () => {
  const settings = await lab.rds
    .instance(EAST, 'orders')
    .query("select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'data_checksums') order by name");
  expect(settings.map((row) => row.setting)).toEqual(['on', 'off', 'on']);
});

test('a killed server comes back with every acknowledged row', async () => {
  const primary = lab.rds.instance(EAST, 'orders');
  const writing = write(100_000).catch(() => {});
  await eventually(async () => acknowledged.length > 300);
  await primary.crash();
  await writing;
  expect(primary.running).toBe(false);
  await primary.start();
  const rows = await rowsOf(EAST, 'orders');
  const kept = new Set(rows);
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  acknowledged = rows;
});

test('the replica reconnects to a revived source by itself', async () => {
  await write(1);
  await eventually(async () => (await rowsOf(WEST, 'orders-replica')).includes(next - 1));
});

test('a cut link stops replication and clients across it, and nobody else; healed, nothing is missing', async () => {
  lab.world.cut(EAST, WEST);
  const before = await rowsOf(WEST, 'orders-replica');
  await write(50);
  await expect(lab.connect(WEST, host, { connectionTimeoutMillis: 300 })).rejects.toThrow(/timeout/);
  expect(await rowsOf(WEST, 'orders-replica')).toEqual(before);
  lab.world.heal(EAST, WEST);
  await eventually(async () => (await rowsOf(WEST, 'orders-replica')).at(-1) === next - 1);
});

test('a region that is cut off before it dies loses exactly the rows written after the cut', async () => {
  await eventually(async () => (await rowsOf(WEST, 'orders-replica')).length === (await rowsOf(EAST, 'orders')).length);
  const replicated = acknowledged.length;
  lab.world.cut(EAST, WEST);
  await write(120);
  await lab.world.blackout(EAST);
  expect(lab.rds.instance(EAST, 'orders').running).toBe(false);
  expect(lab.rds.instance(WEST, 'orders-replica').running).toBe(true);
  const survived = new Set(await rowsOf(WEST, 'orders-replica'));
  expect(acknowledged.filter((id) => !survived.has(id))).toEqual(acknowledged.slice(replicated));
  expect(acknowledged.length - replicated).toBe(120);
});

test('the region that returns has what it had, and goes on replicating', async () => {
  await lab.world.restore(EAST);
  lab.world.heal(EAST, WEST);
  expect(await rowsOf(EAST, 'orders')).toEqual(acknowledged);
  await eventually(async () => (await rowsOf(WEST, 'orders-replica')).length === acknowledged.length);
});

test('a replica’s region can go dark and return, too', async () => {
  const other = lab.rds.instance(WEST, 'orders-replica');
  await lab.world.blackout(WEST);
  expect(other.running).toBe(false);
  await lab.world.restore(WEST);
  expect(other.running).toBe(true);
});

test('an isolating security group keeps new connections out at once, established ones until a reboot', async () => {
  await lab.rds.isolate('sg-isolated');
  const groups = { DBInstanceIdentifier: 'orders', VpcSecurityGroupIds: ['sg-isolated'], ApplyImmediately: true };
  await lab.client(EAST).send(new ModifyDBInstanceCommand(groups));
  await lab.until(
    EAST,
    'orders',
    (instance) => available(instance) && instance.VpcSecurityGroups?.[0]?.VpcSecurityGroupId === 'sg-isolated',
  );
  await eventually(async () =>
    lab.connect(EAST, host).then(
      () => false,
      () => true,
    ),
  );
  await write(1);
  await lab.client(EAST).send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'orders' }));
  await lab.until(EAST, 'orders', available);
  await expect(write(1)).rejects.toThrow();
  await expect(lab.connect(EAST, host)).rejects.toThrow();
  await lab.client(EAST).send(new ModifyDBInstanceCommand({ ...groups, VpcSecurityGroupIds: ['sg-open'] }));
  await eventually(async () =>
    lab.connect(EAST, host).then(
      () => true,
      () => false,
    ),
  );
});

test('the master is no superuser, yet fences an application', async () => {
  const master = await lab.connect(EAST, host);
  const { rows } = await master.query('select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = current_user');
  expect(rows).toEqual([{ rolsuper: false, rolcreaterole: true, rolcreatedb: true }]);
  await master.query("create role app login password 'application-secret'");
  const app = await lab.connect(EAST, host, { user: 'app', password: 'application-secret' });
  await master.query('alter role app nologin');
  await app.query('select 1');
  await master.query("select pg_terminate_backend(pid, 2000) from pg_stat_activity where usename = 'app'");
  await expect(app.query('select 1')).rejects.toThrow();
  await expect(lab.connect(EAST, host, { user: 'app', password: 'application-secret' })).rejects.toThrow(/not permitted to log in/);
  await expect(master.query("alter role rdsadmin password 'mine'")).rejects.toThrow(/permission denied/);
  await expect(lab.connect(EAST, host, { user: 'rdsadmin', password: MASTER.MasterUserPassword })).rejects.toThrow(/authentication failed/);
});

test('a dark region’s replica is promoted without it; the old writer returns alone, with what it had', async () => {
  await eventually(async () => (await rowsOf(WEST, 'orders-replica')).length === acknowledged.length);
  await lab.world.blackout(EAST);
  await lab.client(WEST).send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'orders-replica' }));
  await lab.until(WEST, 'orders-replica', (instance) => !instance.ReadReplicaSourceDBInstanceIdentifier);
  await lab.rds.instance(WEST, 'orders-replica').query('insert into item values (-1)');
  await lab.world.restore(EAST);
  expect(await rowsOf(EAST, 'orders')).toEqual(acknowledged);
  expect(await lab.rds.instance(EAST, 'orders').query('select slot_name from pg_replication_slots')).toEqual([]);
  expect((await lab.describe(EAST, 'orders')).ReadReplicaDBInstanceIdentifiers).toEqual([]);
});

test('what a blackout interrupts goes on when the region is back', async () => {
  const { DBInstanceArn } = await lab.describe(WEST, 'orders-replica');
  const replica = { DBInstanceIdentifier: 'orders-2', SourceDBInstanceIdentifier: DBInstanceArn };
  await lab.client(EAST).send(new CreateDBInstanceReadReplicaCommand(replica));
  await lab.world.blackout(EAST);
  await lab.world.restore(EAST);
  await lab.until(EAST, 'orders-2', available);
  await lab.client(EAST).send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'orders-2' }));
  await eventually(async () => lab.rds.instance(EAST, 'orders-2').statuses.includes('rebooting'));
  await lab.world.blackout(EAST);
  await lab.world.restore(EAST);
  await lab.until(EAST, 'orders-2', (instance) => available(instance) && !instance.ReadReplicaSourceDBInstanceIdentifier);
  expect((await rowsOf(EAST, 'orders-2'))[0]).toBe(-1);
});
