import {
  CopyDBSnapshotCommand,
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeAccountAttributesCommand,
  DescribeDBInstancesCommand,
  paginateDescribeDBSnapshots,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EAST, eventually, Harness, MASTER, WEST } from './harness.ts';

const NAMES = Array.from({ length: 300 }, (_, i) => `orders-${String(i).padStart(3, '0')}`);

describe('quotas, over instances without a server', () => {
  let lab: Harness;
  const quotaOf = async (name: string) => {
    const { AccountQuotas } = await lab.client(EAST).send(new DescribeAccountAttributesCommand({}));
    const { Used, Max } = AccountQuotas!.find(({ AccountQuotaName }) => AccountQuotaName === name)!;
    return { Used, Max };
  };
  const snapshots = async (region: string) => {
    const found: DBSnapshot[] = [];
    for await (const page of paginateDescribeDBSnapshots({ client: lab.client(region) }, {})) found.push(...page.DBSnapshots!);
    return found;
  };
  const snapshot = (instance: string, name = `${instance}-point`) =>
    lab.client(EAST).send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: instance, DBSnapshotIdentifier: name }));
  const copy = (source: DBSnapshot, name = `${source.DBSnapshotIdentifier}-copy`) => {
    const names = { SourceDBSnapshotIdentifier: source.DBSnapshotArn, TargetDBSnapshotIdentifier: name };
    return lab.client(WEST).send(new CopyDBSnapshotCommand(names));
  };
  const allAvailable = (region: string) => eventually(async () => (await snapshots(region)).every(({ Status }) => Status === 'available'));

  beforeAll(async () => {
    lab = await Harness.start();
  });

  afterAll(() => lab.stop());

  test('40 instances in a region, unless more are granted', async () => {
    lab.rds.listOnly(EAST, NAMES.slice(0, 40), { Tags: [{ Key: 'team', Value: 'shop' }] });
    expect(await quotaOf('DBInstances')).toEqual({ Used: 40, Max: 40 });
    const size = { Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 };
    const create = new CreateDBInstanceCommand({ DBInstanceIdentifier: 'one-more', ...size, ...MASTER });
    await expect(lab.client(EAST).send(create)).rejects.toMatchObject({ name: 'InstanceQuotaExceededFault' });
    lab.rds.quotas.instances = 300;
    lab.rds.listOnly(EAST, NAMES.slice(40));
    expect(await quotaOf('DBInstances')).toEqual({ Used: 300, Max: 300 });
  });

  test('300 instances are listed in three calls', async () => {
    const listed: string[] = [];
    let calls = 0;
    for (let Marker: string | undefined; calls === 0 || Marker; calls++) {
      const page = await lab.client(EAST).send(new DescribeDBInstancesCommand({ MaxRecords: 100, Marker }));
      listed.push(...page.DBInstances!.map((instance) => instance.DBInstanceIdentifier!));
      Marker = page.Marker;
    }
    expect(calls).toBe(3);
    expect(listed).toEqual(NAMES);
  });

  test('100 manual snapshots in a region; a deleted one makes room', async () => {
    await Promise.all(NAMES.slice(0, 100).map((name) => snapshot(name)));
    await expect(snapshot(NAMES[100]!)).rejects.toMatchObject({ name: 'SnapshotQuotaExceededFault' });
    expect(await quotaOf('ManualSnapshots')).toEqual({ Used: 100, Max: 100 });
    await allAvailable(EAST);
    await lab.client(EAST).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: `${NAMES[99]}-point` }));
    await snapshot(NAMES[100]!);
    await allAvailable(EAST);
    const final = { DBInstanceIdentifier: NAMES[299], FinalDBSnapshotIdentifier: 'last' };
    await expect(lab.client(EAST).send(new DeleteDBInstanceCommand(final))).rejects.toMatchObject({ name: 'SnapshotQuotaExceededFault' });
  });

  test('20 copies in progress to a region, of which one instance has one at a time', async () => {
    lab.rds.quotas.manualSnapshots = 200;
    await lab.client(EAST).send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: `${NAMES[0]}-point` }));
    await snapshot(NAMES[1]!, 'second');
    await allAvailable(EAST);
    const sources = await snapshots(EAST);
    const ofOne = sources.filter(({ DBInstanceIdentifier }) => DBInstanceIdentifier === NAMES[1]);
    expect(ofOne).toHaveLength(2);
    const others = sources.filter((source) => !ofOne.includes(source));
    lab.world.cut(EAST, WEST);
    for (const source of [...ofOne, ...others.slice(0, 18)]) await copy(source);
    await expect(copy(others[18]!)).rejects.toMatchObject({ name: 'SnapshotQuotaExceededFault' });
    await lab.client(EAST).send(new CopyDBSnapshotCommand({ SourceDBSnapshotIdentifier: 'second', TargetDBSnapshotIdentifier: 'within' }));
    lab.world.heal(EAST, WEST);
    await allAvailable(WEST);
    const copies = (await snapshots(WEST)).filter(({ DBInstanceIdentifier }) => DBInstanceIdentifier === NAMES[1]);
    const [first, second] = copies.map(({ SnapshotCreateTime }) => SnapshotCreateTime!.getTime()).sort((a, b) => a - b);
    expect(second! - first!).toBeGreaterThanOrEqual(lab.durations.copySnapshot - 10);
    await copy(others[18]!);
  });

  test('such an instance is deleted like any other', async () => {
    await lab.client(EAST).send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: NAMES[299], SkipFinalSnapshot: true }));
    await eventually(async () => (await quotaOf('DBInstances')).Used === 299);
  });
});
