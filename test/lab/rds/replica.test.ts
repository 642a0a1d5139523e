import {
  CreateDBInstanceReadReplicaCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  DeleteDBInstanceCommand,
  InvalidDBInstanceStateFault,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
  RebootDBInstanceCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { available, EAST, eventually, Harness, WEST } from './harness.ts';

describe('a read replica in another region', () => {
  let lab: Harness;
  let primary: DBInstance;
  let writer: pg.Client;
  const replicaId = { DBInstanceIdentifier: 'orders-replica' };
  const countOn = async (identifier: string) =>
    Number((await lab.rds.instance(WEST, identifier).query('select count(*) from item'))[0]?.count);

  beforeAll(async () => {
    lab = await Harness.start();
    primary = await lab.create(EAST, 'orders');
    writer = await lab.connect(EAST, primary.Endpoint!.Address!);
    await writer.query('create table item (id int primary key)');
    await writer.query('insert into item select generate_series(1, 100)');
    await lab.replicate(WEST, 'orders-replica', primary);
  });

  afterAll(() => lab.stop());

  test('streams from its source, and both say so', async () => {
    await writer.query('insert into item values (101)');
    await eventually(async () => (await countOn('orders-replica')) === 101);
    const replica = await lab.describe(WEST, 'orders-replica');
    expect(replica.ReadReplicaSourceDBInstanceIdentifier).toBe(primary.DBInstanceArn);
    expect(replica.StatusInfos).toEqual([{ StatusType: 'read replication', Normal: true, Status: 'replicating' }]);
    expect(replica.BackupRetentionPeriod).toBe(0);
    expect((await lab.describe(EAST, 'orders')).ReadReplicaDBInstanceIdentifiers).toEqual([replica.DBInstanceArn]);
  });

  test('cannot be given a parameter group before it is there', async () => {
    const named = { DBInstanceIdentifier: 'tuned', SourceDBInstanceIdentifier: primary.DBInstanceArn, DBParameterGroupName: 'tuned' };
    await expect(lab.client(WEST).send(new CreateDBInstanceReadReplicaCommand(named))).rejects.toMatchObject({
      name: 'InvalidParameterCombination',
    });
  });

  test('has its source’s users and refuses writes', async () => {
    const { Endpoint } = await lab.describe(WEST, 'orders-replica');
    const reader = await lab.connect(WEST, Endpoint!.Address!);
    expect((await reader.query('select pg_is_in_recovery() as standby')).rows).toEqual([{ standby: true }]);
    await expect(reader.query('insert into item values (0)')).rejects.toThrow(/read-only transaction/);
  });

  test('neither it nor its source can be stopped, and backups stay on', async () => {
    const state = { name: 'InvalidDBInstanceStateFault' };
    await expect(lab.client(WEST).send(new StopDBInstanceCommand(replicaId))).rejects.toMatchObject(state);
    await expect(lab.client(EAST).send(new StopDBInstanceCommand({ DBInstanceIdentifier: 'orders' }))).rejects.toMatchObject(state);
    await expect(lab.client(EAST).send(new StartDBInstanceCommand({ DBInstanceIdentifier: 'orders' }))).rejects.toMatchObject(state);
    const off = { DBInstanceIdentifier: 'orders', BackupRetentionPeriod: 0, ApplyImmediately: true };
    await expect(lab.client(EAST).send(new ModifyDBInstanceCommand(off))).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await expect(lab.client(EAST).send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'orders' }))).rejects.toMatchObject(state);
  });

  test('cannot be made of a source without backups, or by a bare name in another region', async () => {
    const copy = (SourceDBInstanceIdentifier: string | undefined) =>
      lab.client(WEST).send(new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: 'second', SourceDBInstanceIdentifier }));
    const replica = await lab.describe(WEST, 'orders-replica');
    await expect(copy(replica.DBInstanceArn)).rejects.toThrow(/Automated backups are not enabled/);
    await expect(copy('orders')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  });

  test('follows its source through a rename and a reboot', async () => {
    await lab
      .client(EAST)
      .send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: 'orders', NewDBInstanceIdentifier: 'orders-old', ApplyImmediately: true }));
    await eventually(async () =>
      lab.rds.instances().some((instance) => instance.identifier === 'orders-old' && instance.status === 'available'),
    );
    const renamed = await lab.describe(EAST, 'orders-old');
    writer = await lab.connect(EAST, renamed.Endpoint!.Address!);
    await writer.query('insert into item values (102)');
    await eventually(async () => (await countOn('orders-replica')) === 102);
    expect((await lab.describe(WEST, 'orders-replica')).ReadReplicaSourceDBInstanceIdentifier).toBe(renamed.DBInstanceArn);
    await lab.client(WEST).send(new RebootDBInstanceCommand(replicaId));
    expect(await lab.until(WEST, 'orders-replica', available)).toEqual(['available', 'rebooting', 'available']);
    expect(await countOn('orders-replica')).toBe(102);
  });

  test('cannot be promoted while it is backed up', async () => {
    await lab.client(WEST).send(new CreateDBSnapshotCommand({ ...replicaId, DBSnapshotIdentifier: 'before-promotion' }));
    expect((await lab.describe(WEST, 'orders-replica')).DBInstanceStatus).toBe('backing-up');
    await expect(lab.client(WEST).send(new PromoteReadReplicaCommand(replicaId))).rejects.toBeInstanceOf(InvalidDBInstanceStateFault);
    await lab.until(WEST, 'orders-replica', available);
  });

  test('is promoted by a restart, after a moment in which available is still the old status', async () => {
    const pid = lab.rds.instance(WEST, 'orders-replica').pid;
    const answer = await lab.client(WEST).send(new PromoteReadReplicaCommand(replicaId));
    expect(answer.DBInstance?.DBInstanceStatus).toBe('available');
    await expect(lab.client(WEST).send(new PromoteReadReplicaCommand(replicaId))).rejects.toBeInstanceOf(InvalidDBInstanceStateFault);
    const seen = await lab.until(WEST, 'orders-replica', (instance) => !instance.ReadReplicaSourceDBInstanceIdentifier);
    expect(seen).toEqual(['available', 'modifying', 'rebooting', 'available']);
    const promoted = await lab.describe(WEST, 'orders-replica');
    expect(promoted).toMatchObject({ DBInstanceStatus: 'available', BackupRetentionPeriod: 1 });
    expect(promoted.StatusInfos).toBeUndefined();
    expect(lab.rds.instance(WEST, 'orders-replica').pid).not.toBe(pid);
  });

  test('then takes writes, on a timeline of its own, and its source keeps nothing for it', async () => {
    const { Endpoint } = await lab.describe(WEST, 'orders-replica');
    const writerThere = await lab.connect(WEST, Endpoint!.Address!);
    await writerThere.query('insert into item values (200)');
    // The control file says 1 until the next checkpoint; the name of the current WAL file does not lie.
    const { rows } = await writerThere.query('select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline');
    expect(rows).toEqual([{ timeline: '00000002' }]);
    await eventually(async () => (await lab.rds.instance(EAST, 'orders-old').query('select 1 from pg_replication_slots')).length === 0);
    expect((await lab.describe(EAST, 'orders-old')).ReadReplicaDBInstanceIdentifiers).toEqual([]);
  });

  test('can be followed by the old writer’s successor', async () => {
    const home = await lab.replicate(EAST, 'orders', await lab.describe(WEST, 'orders-replica'));
    expect(home.StatusInfos?.[0]?.Status).toBe('replicating');
    expect(await lab.rds.instance(EAST, 'orders').query('select id from item where id = 200')).toHaveLength(1);
  });

  test('a deleted source leaves a replica in another region alone, to be promoted or deleted', async () => {
    await lab.client(WEST).send(new DeleteDBInstanceCommand({ ...replicaId, SkipFinalSnapshot: true }));
    await eventually(async () => !lab.rds.instances().some((instance) => instance.identifier === 'orders-replica'));
    const orphan = await lab.describe(EAST, 'orders');
    expect(orphan.StatusInfos).toEqual([{ StatusType: 'read replication', Normal: false, Status: 'terminated' }]);
    expect(orphan.ReadReplicaSourceDBInstanceIdentifier).toBeDefined();
    expect(await lab.rds.instance(EAST, 'orders').query('select 1 from item where id = 200')).toHaveLength(1);
  });
});
