import {
  type DBInstance,
  type DBInstanceAutomatedBackup,
  DescribeDBInstanceAutomatedBackupsCommand,
  RestoreDBInstanceToPointInTimeCommand,
  StartDBInstanceAutomatedBackupsReplicationCommand,
  StopDBInstanceAutomatedBackupsReplicationCommand,
} from '@aws-sdk/client-rds';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { available, EAST, eventually, Harness, WEST } from './harness.ts';

describe('replicated automated backups', () => {
  let lab: Harness;
  let source: DBInstance;
  let writer: pg.Client;
  const west = () => lab.client(WEST);
  const copy = async (): Promise<DBInstanceAutomatedBackup> => {
    const names = { DbiResourceId: source.DbiResourceId };
    return (await west().send(new DescribeDBInstanceAutomatedBackupsCommand(names))).DBInstanceAutomatedBackups![0]!;
  };
  const latest = async () => (await copy()).RestoreWindow?.LatestTime?.getTime() ?? 0;
  const start = (SourceDBInstanceArn: string) =>
    west().send(new StartDBInstanceAutomatedBackupsReplicationCommand({ SourceDBInstanceArn, BackupRetentionPeriod: 3 }));

  beforeAll(async () => {
    lab = await Harness.start();
    source = await lab.create(EAST, 'orders', { BackupRetentionPeriod: 7 });
    writer = await lab.connect(EAST, source.Endpoint!.Address!);
    await writer.query('create table item (id int primary key)');
    await writer.query('insert into item values (1)');
  });

  afterAll(() => lab.stop());

  test('are started in the destination, and follow', async () => {
    const { DBInstanceAutomatedBackup: started } = await start(source.DBInstanceArn!);
    expect(started).toMatchObject({ Status: 'creating', DBInstanceArn: source.DBInstanceArn, BackupRetentionPeriod: 3 });
    await expect(start(source.DBInstanceArn!)).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
    const now = Date.now();
    await eventually(async () => (await latest()) >= now);
    expect(await copy()).toMatchObject({ Status: 'active' });
    const { DBInstanceAutomatedBackups: home } = await lab.client(EAST).send(new DescribeDBInstanceAutomatedBackupsCommand({}));
    expect(home![0]!.DBInstanceAutomatedBackupsReplications).toEqual([
      { DBInstanceAutomatedBackupsArn: (await copy()).DBInstanceAutomatedBackupsArn },
    ]);
  });

  test('stop with the link, and what has arrived is restored without the source region', async () => {
    lab.world.cut(EAST, WEST);
    await writer.query('insert into item values (2)');
    const behind = Date.now() + 1000;
    await eventually(async () => ((await lab.describe(EAST, 'orders')).LatestRestorableTime?.getTime() ?? 0) >= behind);
    expect(await latest()).toBeLessThan(behind);
    await lab.world.blackout(EAST);
    const { DBInstanceAutomatedBackupsArn } = await copy();
    await west().send(
      new RestoreDBInstanceToPointInTimeCommand({
        SourceDBInstanceAutomatedBackupsArn: DBInstanceAutomatedBackupsArn,
        TargetDBInstanceIdentifier: 'orders-there',
        UseLatestRestorableTime: true,
      }),
    );
    await lab.until(WEST, 'orders-there', available);
    expect(await lab.rds.instance(WEST, 'orders-there').query('select id from item')).toEqual([{ id: 1 }]);
    expect((await lab.describe(WEST, 'orders-there')).BackupRetentionPeriod).toBe(3);
    await lab.world.restore(EAST);
    lab.world.heal(EAST, WEST);
    await eventually(async () => (await latest()) >= behind);
  });

  test('stopped, they are retained', async () => {
    const stop = new StopDBInstanceAutomatedBackupsReplicationCommand({ SourceDBInstanceArn: source.DBInstanceArn });
    await west().send(stop);
    expect(await copy()).toMatchObject({ Status: 'retained' });
    await expect(west().send(stop)).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
  });
});
