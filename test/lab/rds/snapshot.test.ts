import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { available, EAST, eventually, Harness, WEST } from './harness.ts';

describe('snapshots', () => {
  let lab: Harness;
  let source: DBInstance;

  beforeAll(async () => {
    lab = await Harness.start();
    source = await lab.create(EAST, 'orders');
    const client = await lab.connect(EAST, source.Endpoint!.Address!);
    await client.query('create table item (id int primary key)');
    await client.query('insert into item select generate_series(1, 500)');
  });

  afterAll(() => lab.stop());

  async function snapshot(region: string, DBSnapshotIdentifier: string): Promise<DBSnapshot> {
    const answer = await lab.client(region).send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }));
    return answer.DBSnapshots![0]!;
  }

  test('are taken while the instance serves', async () => {
    const request = { DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'first' };
    const { DBSnapshot } = await lab.client(EAST).send(new CreateDBSnapshotCommand(request));
    expect(DBSnapshot).toMatchObject({ Status: 'creating', SnapshotType: 'manual', DBInstanceIdentifier: 'orders' });
    await expect(lab.client(EAST).send(new CreateDBSnapshotCommand(request))).rejects.toMatchObject({
      name: 'InvalidDBInstanceStateFault',
    });
    await expect(lab.client(EAST).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'first' }))).rejects.toMatchObject({
      name: 'InvalidDBSnapshotStateFault',
    });
    expect(await lab.until(EAST, 'orders', available)).toEqual(['available', 'backing-up', 'available']);
    expect(await snapshot(EAST, 'first')).toMatchObject({ Status: 'available', PercentProgress: 100 });
    await expect(lab.client(EAST).send(new CreateDBSnapshotCommand(request))).rejects.toMatchObject({
      name: 'DBSnapshotAlreadyExistsFault',
    });
    await lab.rds.instance(EAST, 'orders').query('insert into item values (501)');
  });

  test('are copied through the link between the regions, and only while it is open', async () => {
    lab.world.cut(EAST, WEST);
    const { DBSnapshotArn } = await snapshot(EAST, 'first');
    const request = { SourceDBSnapshotIdentifier: DBSnapshotArn, TargetDBSnapshotIdentifier: 'copy' };
    await lab.client(WEST).send(new CopyDBSnapshotCommand(request));
    expect(await snapshot(WEST, 'copy')).toMatchObject({
      Status: 'creating',
      SourceDBSnapshotIdentifier: DBSnapshotArn,
      SourceRegion: EAST,
    });
    lab.world.heal(EAST, WEST);
    await eventually(async () => (await snapshot(WEST, 'copy')).Status === 'available');
  });

  test('fail with a crash, and their instance does not', async () => {
    await lab.client(EAST).send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'broken-off' }));
    await lab.rds.instance(EAST, 'orders').crash();
    await eventually(async () => (await snapshot(EAST, 'broken-off')).Status === 'failed');
    await lab.rds.instance(EAST, 'orders').start();
    await lab.until(EAST, 'orders', available);
    await lab.client(EAST).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'broken-off' }));
  });

  test('survive their instance, and restore exactly what they hold', async () => {
    await lab.client(EAST).send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'orders', FinalDBSnapshotIdentifier: 'last' }));
    await eventually(async () => lab.rds.instances().length === 0);
    expect(await snapshot(EAST, 'last')).toMatchObject({ Status: 'available' });
    const restore = (DBSnapshotIdentifier: string) =>
      lab.client(WEST).send(new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: 'restored', DBSnapshotIdentifier }));
    await expect(restore('missing')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await restore('copy');
    await lab.until(WEST, 'restored', available);
    const { Endpoint } = await lab.describe(WEST, 'restored');
    const client = await lab.connect(WEST, Endpoint!.Address!);
    expect((await client.query('select count(*)::int as rows, max(id) as newest from item')).rows).toEqual([{ rows: 500, newest: 500 }]);
    await client.query('insert into item values (1000)');
  });

  test('are deleted', async () => {
    await lab.client(WEST).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'copy' }));
    await expect(snapshot(WEST, 'copy')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    expect((await lab.client(EAST).send(new DescribeDBSnapshotsCommand({}))).DBSnapshots).toHaveLength(2);
  });
});
