import { setTimeout as pause } from 'node:timers/promises';
import {
  type DBInstance,
  type DBInstanceAutomatedBackup,
  DeleteDBInstanceAutomatedBackupCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  type DescribeDBInstanceAutomatedBackupsCommandInput,
  ModifyDBInstanceCommand,
  RestoreDBInstanceToPointInTimeCommand,
  type RestoreDBInstanceToPointInTimeCommandInput,
} from '@aws-sdk/client-rds';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LogFiles } from '../../../lab/drill/log-files.ts';
import { available, EAST, eventually, Harness, WEST } from './harness.ts';

/** The next whole second, with a pause on both sides: commits have microseconds, and the API takes seconds. */
async function nextSecond(): Promise<Date> {
  const second = new Date(Math.ceil((Date.now() + 100) / 1000) * 1000);
  await pause(second.getTime() - Date.now() + 100);
  return second;
}

describe('a point-in-time restore', () => {
  let lab: Harness;
  let source: DBInstance;
  let writer: pg.Client;
  const moments: Date[] = [];
  const east = () => lab.client(EAST);

  const backups = async (input: DescribeDBInstanceAutomatedBackupsCommandInput = {}): Promise<DBInstanceAutomatedBackup[]> =>
    (await east().send(new DescribeDBInstanceAutomatedBackupsCommand(input))).DBInstanceAutomatedBackups!;
  const restorableTo = (moment: Date) =>
    eventually(async () => ((await lab.describe(EAST, 'orders')).LatestRestorableTime?.getTime() ?? 0) >= moment.getTime());
  const restore = (target: string, input: Partial<RestoreDBInstanceToPointInTimeCommandInput>) =>
    east().send(
      new RestoreDBInstanceToPointInTimeCommand({
        SourceDBInstanceIdentifier: 'orders',
        TargetDBInstanceIdentifier: target,
        ...input,
      }),
    );
  const itemsOf = async (name: string) =>
    (await lab.rds.instance(EAST, name).query('select array_agg(id order by id) as ids from item'))[0]?.ids as number[];
  const log = () => new LogFiles(lab.folder, EAST, source.DbiResourceId!);

  beforeAll(async () => {
    lab = await Harness.start();
    const tags = [{ Key: 'team', Value: 'shop' }];
    const extra = { MultiAZ: true, DeletionProtection: false, VpcSecurityGroupIds: ['sg-orders'], EnableIAMDatabaseAuthentication: true };
    source = await lab.create(EAST, 'orders', { BackupRetentionPeriod: 7, Tags: tags, CopyTagsToSnapshot: true, ...extra });
    writer = await lab.connect(EAST, source.Endpoint!.Address!);
    await writer.query('create table item (id int primary key)');
    for (const id of [1, 2, 3]) {
      await writer.query('insert into item values ($1)', [id]);
      moments.push(await nextSecond());
    }
    await writer.query('insert into item values (4)');
  });

  afterAll(() => lab.stop());

  test('has a window, which moves on while nothing is written', async () => {
    await restorableTo(moments[2]!);
    const [backup] = await backups({ DBInstanceIdentifier: 'orders' });
    expect(backup).toMatchObject({ Status: 'active', DbiResourceId: source.DbiResourceId, Region: EAST, BackupRetentionPeriod: 7 });
    expect(backup!.DBInstanceAutomatedBackupsArn).toMatch(/^arn:aws:rds:us-east-1:000000000000:auto-backup:ab-[a-z2-7]{36}$/);
    const { EarliestTime, LatestTime } = backup!.RestoreWindow!;
    expect(EarliestTime!.getTime()).toBeLessThanOrEqual(moments[0]!.getTime());
    expect(LatestTime!.getTime() % 1000).toBe(0);
    await restorableTo(new Date(LatestTime!.getTime() + 2000));
    await expect(backups({ DBInstanceIdentifier: 'other' })).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
  });

  test('gives what was committed before the second, and nothing after it', async () => {
    await Promise.all([restore('before-two', { RestoreTime: moments[0] }), restore('before-three', { RestoreTime: moments[1] })]);
    await lab.until(EAST, 'before-two', available);
    await lab.until(EAST, 'before-three', available);
    expect(await itemsOf('before-two')).toEqual([1]);
    expect(await itemsOf('before-three')).toEqual([1, 2]);
    const restored = await lab.describe(EAST, 'before-two');
    const client = await lab.connect(EAST, restored.Endpoint!.Address!);
    await client.query('insert into item values (100)');
    expect(await itemsOf('orders')).toEqual([1, 2, 3, 4]);
  });

  test('loses the settings that belong to the place', async () => {
    expect(source).toMatchObject({ MultiAZ: true, IAMDatabaseAuthenticationEnabled: true });
    const restored = await lab.describe(EAST, 'before-two');
    expect(restored).toMatchObject({
      MultiAZ: false,
      IAMDatabaseAuthenticationEnabled: false,
      CopyTagsToSnapshot: false,
      DeletionProtection: false,
      BackupRetentionPeriod: 7,
      DBInstanceClass: source.DBInstanceClass,
      MasterUsername: source.MasterUsername,
      TagList: [],
    });
    expect(restored.VpcSecurityGroups).not.toEqual(source.VpcSecurityGroups);
    expect(restored.DbiResourceId).not.toBe(source.DbiResourceId);
  });

  test('to the latest time gives everything up to then, from an instance with a log of its own', async () => {
    await restorableTo(await nextSecond());
    await restore('latest', { UseLatestRestorableTime: true, VpcSecurityGroupIds: ['sg-own'], Tags: [{ Key: 'a', Value: 'b' }] });
    await lab.until(EAST, 'latest', available);
    expect(await itemsOf('latest')).toEqual([1, 2, 3, 4]);
    expect(await lab.describe(EAST, 'latest')).toMatchObject({
      VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-own' }],
      TagList: [{ Key: 'a', Value: 'b' }],
    });
    await eventually(async () => (await lab.describe(EAST, 'latest')).LatestRestorableTime !== undefined);
  });

  test('is refused outside the window, twice named, unnamed and without backups', async () => {
    const value = { name: 'InvalidParameterValue' };
    const combination = { name: 'InvalidParameterCombination' };
    await expect(restore('refused', { RestoreTime: new Date(Date.now() - 3600_000) })).rejects.toMatchObject(value);
    await expect(restore('refused', { RestoreTime: new Date(Date.now() + 3600_000) })).rejects.toMatchObject(value);
    await expect(restore('refused', {})).rejects.toMatchObject(combination);
    await expect(restore('refused', { RestoreTime: moments[0], UseLatestRestorableTime: true })).rejects.toMatchObject(combination);
    await expect(restore('latest', { RestoreTime: moments[0] })).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
    const missing = { SourceDBInstanceIdentifier: 'missing', RestoreTime: moments[0] };
    await expect(restore('refused', missing)).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    const off = { DBInstanceIdentifier: 'latest', BackupRetentionPeriod: 0, ApplyImmediately: true };
    await east().send(new ModifyDBInstanceCommand(off));
    await lab.until(EAST, 'latest', (instance) => available(instance) && instance.BackupRetentionPeriod === 0);
    expect((await lab.describe(EAST, 'latest')).LatestRestorableTime).toBeUndefined();
    await expect(restore('refused', { SourceDBInstanceIdentifier: 'latest', UseLatestRestorableTime: true })).rejects.toMatchObject({
      name: 'PointInTimeRestoreNotEnabledFault',
    });
    await expect(lab.describe(EAST, 'refused')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
  });

  test('waits for its log while the server is down, and loses no acknowledged row of a crash', async () => {
    await writer.query('insert into item values (5)');
    await lab.rds.instance(EAST, 'orders').crash();
    const second = await nextSecond();
    expect((await lab.describe(EAST, 'orders')).LatestRestorableTime!.getTime()).toBeLessThan(second.getTime());
    await lab.rds.instance(EAST, 'orders').start();
    await restorableTo(second);
    await restore('after-crash', { RestoreTime: second });
    await lab.until(EAST, 'after-crash', available);
    expect(await itemsOf('after-crash')).toEqual([1, 2, 3, 4, 5]);
  });

  test('of a log with a missing or a corrupt segment fails, and is never a part of the data', async () => {
    writer = await lab.connect(EAST, source.Endpoint!.Address!);
    const before = await log().segments();
    await writer.query('insert into item select generate_series(10, 30000)'); // some 4 MB of log, in segments of 1 MB
    const second = await nextSecond();
    await restorableTo(second);
    // The first that came after: whatever was kept since, these are needed to reach the second.
    const [missing, damaged] = (await log().segments()).filter((name) => !before.includes(name)) as [string, string];
    const incompatible = (instance: DBInstance) => instance.DBInstanceStatus === 'incompatible-restore';
    await log().corrupt(damaged);
    await restore('corrupt', { UseLatestRestorableTime: true });
    await lab.until(EAST, 'corrupt', incompatible);
    await log().lose(missing);
    await restore('gap', { RestoreTime: second });
    await lab.until(EAST, 'gap', incompatible);
    for (const name of ['corrupt', 'gap']) {
      expect((await lab.describe(EAST, name)).Endpoint).toBeUndefined();
      expect(lab.rds.instance(EAST, name).running).toBe(false);
    }
    await restore('before-damage', { RestoreTime: moments[0] });
    await lab.until(EAST, 'before-damage', available);
    expect(await itemsOf('before-damage')).toEqual([1]);
  });

  test('outlives its instance where that is asked for', async () => {
    const gone = async (name: string) => !lab.rds.instances().some(({ identifier }) => identifier === name);
    await east().send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'orders', SkipFinalSnapshot: true, DeleteAutomatedBackups: false }),
    );
    await east().send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'before-two', SkipFinalSnapshot: true }));
    await eventually(async () => (await gone('orders')) && (await gone('before-two')));
    const DbiResourceId = source.DbiResourceId!;
    expect(await backups({ DbiResourceId })).toMatchObject([{ Status: 'retained', DBInstanceIdentifier: 'orders' }]);
    await expect(backups({ DBInstanceIdentifier: 'before-two' })).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
    const names = { SourceDBInstanceIdentifier: undefined, SourceDbiResourceId: DbiResourceId };
    await restore('orders', { ...names, RestoreTime: moments[1] });
    await lab.until(EAST, 'orders', available);
    expect(await itemsOf('orders')).toEqual([1, 2]);
    await east().send(new DeleteDBInstanceAutomatedBackupCommand({ DbiResourceId }));
    await expect(backups({ DbiResourceId })).rejects.toMatchObject({ name: 'DBInstanceAutomatedBackupNotFoundFault' });
    expect(await lab.client(WEST).send(new DescribeDBInstanceAutomatedBackupsCommand({}))).toMatchObject({
      DBInstanceAutomatedBackups: [],
    });
  });
});
