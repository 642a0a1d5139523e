import { readFileSync } from 'node:fs';
import {
  AddTagsToResourceCommand,
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  type DBInstance,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  ListTagsForResourceCommand,
  ModifyDBInstanceCommand,
  paginateDescribeDBInstances,
  RebootDBInstanceCommand,
  RemoveTagsFromResourceCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
  waitUntilDBInstanceDeleted,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACCOUNT, available, EAST, eventually, Harness, MASTER, WEST } from './harness.ts';

describe('a DB instance, through the real client', () => {
  let lab: Harness;
  let created: DBInstance;
  const it = { DBInstanceIdentifier: 'orders' };
  const east = () => lab.client(EAST);
  const count = async (name: string) => (await lab.rds.instance(EAST, name).query('select count(*)::int as rows from item'))[0]?.rows;

  beforeAll(async () => {
    lab = await Harness.start();
    created = await lab.create(EAST, 'Orders', { Tags: [{ Key: 'team', Value: 'shop' }], MultiAZ: true, BackupRetentionPeriod: 7 });
    const client = await lab.connect(EAST, created.Endpoint!.Address!);
    await client.query('create table item (id int)');
    await client.query('insert into item values (1), (2), (3)');
  });

  afterAll(() => lab.stop());

  test('is described as RDS describes it', () => {
    expect(created).toMatchObject({
      DBInstanceIdentifier: 'orders',
      DBInstanceArn: `arn:aws:rds:${EAST}:${ACCOUNT}:db:orders`,
      DBInstanceStatus: 'available',
      Engine: 'postgres',
      DBName: 'orders',
      MasterUsername: MASTER.MasterUsername,
      MultiAZ: true,
      BackupRetentionPeriod: 7,
      ReadReplicaDBInstanceIdentifiers: [],
      TagList: [{ Key: 'team', Value: 'shop' }],
    });
    expect(created.Endpoint).toMatchObject({
      Address: expect.stringMatching(/^orders\.c[a-z0-9]{11}\.us-east-1\.rds\.amazonaws\.com$/),
      Port: 5432,
    });
    expect(created.ReadReplicaSourceDBInstanceIdentifier).toBeUndefined();
    expect(created.InstanceCreateTime).toBeInstanceOf(Date);
    expect(JSON.stringify(created)).not.toContain(MASTER.MasterUserPassword);
  });

  test('is in its own region only, by name or ARN or filter', async () => {
    await expect(lab.describe(WEST, 'orders')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    expect((await lab.describe(EAST, created.DBInstanceArn!)).DbiResourceId).toBe(created.DbiResourceId);
    const find = async (Name: string, value: string) =>
      (await east().send(new DescribeDBInstancesCommand({ Filters: [{ Name, Values: [value] }] }))).DBInstances?.length;
    expect(await find('db-instance-id', 'orders')).toBe(1);
    expect(await find('dbi-resource-id', created.DbiResourceId!)).toBe(1);
    expect(await find('engine', 'mysql')).toBe(0);
    await expect(find('colour', 'red')).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('speaks TLS under its name, with a certificate of the lab’s authority', async () => {
    const ca = readFileSync(lab.rds.certificateBundle, 'utf8');
    const host = created.Endpoint!.Address!;
    const client = await lab.connect(EAST, host, { ssl: { ca, servername: host } });
    expect((await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).rows).toEqual([{ ssl: true }]);
    await expect(lab.connect(EAST, host, { ssl: { ca, servername: 'other.example.com' } })).rejects.toThrow(/altnames/);
    await expect(lab.connect(EAST, host, { ssl: { servername: host } })).rejects.toThrow(/certificate/);
  });

  test('is refused with a reason where the request is wrong', async () => {
    const attempt = (change: Partial<CreateDBInstanceCommandInput>) => {
      const right = { DBInstanceIdentifier: 'other', Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20, ...MASTER };
      return east().send(new CreateDBInstanceCommand({ ...right, ...change }));
    };
    await expect(attempt({ DBInstanceIdentifier: 'orders' })).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
    await expect(attempt({ DBInstanceIdentifier: '1-bad' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(attempt({ Engine: 'oracle-ee' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(attempt({ MasterUserPassword: 'short' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(attempt({ MasterUsername: 'rdsadmin' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(attempt({ BackupRetentionPeriod: 99 })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
  });

  test('has tags', async () => {
    const ResourceName = created.DBInstanceArn;
    await east().send(new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: 'stage', Value: 'prod' }] }));
    await east().send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ['team'] }));
    const { TagList } = await east().send(new ListTagsForResourceCommand({ ResourceName }));
    expect(TagList).toEqual([{ Key: 'stage', Value: 'prod' }]);
    await expect(east().send(new ListTagsForResourceCommand({ ResourceName: `${ResourceName}-not` }))).rejects.toMatchObject({
      name: 'DBInstanceNotFoundFault',
    });
  });

  test('takes changes at once, or keeps them pending', async () => {
    const { DBInstance: pending } = await east().send(new ModifyDBInstanceCommand({ ...it, DBInstanceClass: 'db.r8g.large' }));
    expect(pending).toMatchObject({ DBInstanceClass: 'db.t4g.micro', PendingModifiedValues: { DBInstanceClass: 'db.r8g.large' } });
    await east().send(new ModifyDBInstanceCommand({ ...it, DeletionProtection: true, ApplyImmediately: true }));
    const changed = (instance: DBInstance) => available(instance) && instance.DeletionProtection === true;
    expect(await lab.until(EAST, 'orders', changed)).toEqual(['available', 'modifying', 'available']);
    expect(await lab.describe(EAST, 'orders')).toMatchObject({ DBInstanceClass: 'db.r8g.large', PendingModifiedValues: {} });
    const remove = new DeleteDBInstanceCommand({ ...it, SkipFinalSnapshot: true });
    await expect(east().send(remove)).rejects.toThrow(/protected/);
  });

  test('reboots, and fails over to its other zone without losing a row', async () => {
    await east().send(new RebootDBInstanceCommand({ ...it, ForceFailover: true }));
    await expect(east().send(new RebootDBInstanceCommand(it))).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
    expect(await lab.until(EAST, 'orders', available)).toEqual(['available', 'rebooting', 'available']);
    const after = await lab.describe(EAST, 'orders');
    expect(after.AvailabilityZone).toBe(created.SecondaryAvailabilityZone);
    expect(await count('orders')).toBe(3);
  });

  test('stops, stays stopped through a blackout, and starts', async () => {
    await east().send(new StopDBInstanceCommand(it));
    expect(await lab.until(EAST, 'orders', (instance) => instance.DBInstanceStatus === 'stopped')).toEqual([
      'available',
      'stopping',
      'stopped',
    ]);
    await expect(lab.connect(EAST, created.Endpoint!.Address!)).rejects.toThrow();
    await expect(east().send(new StopDBInstanceCommand(it))).rejects.toMatchObject({ name: 'InvalidDBInstanceStateFault' });
    await lab.world.blackout(EAST);
    await lab.world.restore(EAST);
    expect(lab.rds.instance(EAST, 'orders').running).toBe(false);
    await east().send(new StartDBInstanceCommand(it));
    expect(await lab.until(EAST, 'orders', available)).toEqual(['stopped', 'starting', 'available']);
    expect(await count('orders')).toBe(3);
  });

  test('is renamed with its endpoint and keeps its data', async () => {
    await east().send(
      new ModifyDBInstanceCommand({
        ...it,
        NewDBInstanceIdentifier: 'orders-2',
        MasterUserPassword: 'another-password',
        ApplyImmediately: true,
      }),
    );
    await eventually(async () =>
      lab.rds.instances().some((instance) => instance.identifier === 'orders-2' && instance.status === 'available'),
    );
    await expect(lab.describe(EAST, 'orders')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    const renamed = await lab.describe(EAST, 'orders-2');
    expect(renamed).toMatchObject({ DbiResourceId: created.DbiResourceId, PendingModifiedValues: {} });
    await expect(lab.connect(EAST, created.Endpoint!.Address!)).rejects.toThrow();
    const client = await lab.connect(EAST, renamed.Endpoint!.Address!, { password: 'another-password' });
    expect((await client.query('select count(*)::int as rows from item')).rows).toEqual([{ rows: 3 }]);
  });

  test('is listed page by page, and deleted with its files and its name', async () => {
    const open = { DBInstanceIdentifier: 'orders-2', DeletionProtection: false, ApplyImmediately: true };
    await east().send(new ModifyDBInstanceCommand(open));
    await lab.until(EAST, 'orders-2', (instance) => available(instance) && !instance.DeletionProtection);
    const listed: string[] = [];
    for await (const page of paginateDescribeDBInstances({ client: east(), pageSize: 20 }, {})) {
      listed.push(...page.DBInstances!.map((instance) => instance.DBInstanceIdentifier!));
    }
    expect(listed).toEqual(['orders-2']);
    const remove = { DBInstanceIdentifier: 'orders-2' };
    await expect(east().send(new DeleteDBInstanceCommand(remove))).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await east().send(new DeleteDBInstanceCommand({ ...remove, SkipFinalSnapshot: true }));
    await waitUntilDBInstanceDeleted({ client: east(), maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, remove);
    expect(lab.rds.instances()).toEqual([]);
  });
});
