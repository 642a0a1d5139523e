import {
  CreateDBSnapshotCommand,
  type DBInstance,
  ModifyDBInstanceCommand,
  RebootDBInstanceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { available, EAST, eventually, Harness } from './harness.ts';

const SETTINGS = {
  MultiAZ: true,
  DeletionProtection: true,
  EnableIAMDatabaseAuthentication: true,
  EnablePerformanceInsights: true,
  EnableCloudwatchLogsExports: ['postgresql'],
  MonitoringInterval: 60,
  MonitoringRoleArn: 'arn:aws:iam::000000000000:role/monitoring',
  CopyTagsToSnapshot: true,
  AutoMinorVersionUpgrade: false,
  VpcSecurityGroupIds: ['sg-orders'],
  DBSubnetGroupName: 'orders',
  DBParameterGroupName: 'orders-parameters',
  OptionGroupName: 'orders-options',
};

describe('a restored instance in place of its source', () => {
  let lab: Harness;
  let source: DBInstance;
  const east = () => lab.client(EAST);
  const modify = (DBInstanceIdentifier: string, change: Partial<ModifyDBInstanceCommand['input']>) =>
    east().send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, ApplyImmediately: true, ...change }));
  const rename = async (from: string, to: string) => {
    await modify(from, { NewDBInstanceIdentifier: to });
    await eventually(async () => lab.rds.instances().some(({ identifier, status }) => identifier === to && status === 'available'));
  };
  const nameOf = async (host: string) => (await (await lab.connect(EAST, host)).query('select name from self')).rows[0]?.name;

  beforeAll(async () => {
    lab = await Harness.start();
    source = await lab.create(EAST, 'orders', { ...SETTINGS, Tags: [{ Key: 'team', Value: 'shop' }] });
    const client = await lab.connect(EAST, source.Endpoint!.Address!);
    await client.query("create table self as select 'live' as name");
    await east().send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'orders', DBSnapshotIdentifier: 'point' }));
    await lab.until(EAST, 'orders', available);
    await client.query("update self set name = 'old'");
    await east().send(new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: 'orders-new', DBSnapshotIdentifier: 'point' }));
    await lab.until(EAST, 'orders-new', available);
  });

  afterAll(() => lab.stop());

  test('has lost what belongs to the place', async () => {
    expect(source).toMatchObject({
      DBParameterGroups: [{ DBParameterGroupName: 'orders-parameters' }],
      EnabledCloudwatchLogsExports: ['postgresql'],
    });
    const restored = await lab.describe(EAST, 'orders-new');
    expect(restored).toMatchObject({
      MultiAZ: false,
      DeletionProtection: false,
      IAMDatabaseAuthenticationEnabled: false,
      PerformanceInsightsEnabled: false,
      MonitoringInterval: 0,
      CopyTagsToSnapshot: false,
      AutoMinorVersionUpgrade: true,
      VpcSecurityGroups: [{ VpcSecurityGroupId: 'sg-default' }],
      DBSubnetGroup: { DBSubnetGroupName: 'default' },
      DBParameterGroups: [{ DBParameterGroupName: 'default.postgres18' }],
      OptionGroupMemberships: [{ OptionGroupName: 'orders-options' }],
      TagList: [],
    });
    expect(restored.EnabledCloudwatchLogsExports).toBeUndefined();
    expect(restored.MonitoringRoleArn).toBeUndefined();
  });

  test('gets it back by a change, the parameter group with the next restart of the server', async () => {
    const { DBSubnetGroupName: _subnets, EnableCloudwatchLogsExports, ...settings } = SETTINGS;
    await modify('orders-new', { ...settings, CloudwatchLogsExportConfiguration: { EnableLogTypes: EnableCloudwatchLogsExports } });
    await lab.until(EAST, 'orders-new', (instance) => available(instance) && instance.MultiAZ === true);
    const group = async () => (await lab.describe(EAST, 'orders-new')).DBParameterGroups;
    expect(await group()).toEqual([{ DBParameterGroupName: 'orders-parameters', ParameterApplyStatus: 'pending-reboot' }]);
    const { pid } = lab.rds.instance(EAST, 'orders-new');
    await east().send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'orders-new' }));
    expect(await lab.until(EAST, 'orders-new', available)).toEqual(['available', 'rebooting', 'available']);
    expect(lab.rds.instance(EAST, 'orders-new').pid).not.toBe(pid);
    expect(await group()).toEqual([{ DBParameterGroupName: 'orders-parameters', ParameterApplyStatus: 'in-sync' }]);
    const kept = (instance: DBInstance) => {
      const { MultiAZ, DeletionProtection, IAMDatabaseAuthenticationEnabled, PerformanceInsightsEnabled, MonitoringInterval } = instance;
      const { MonitoringRoleArn, CopyTagsToSnapshot, AutoMinorVersionUpgrade, VpcSecurityGroups, DBParameterGroups } = instance;
      const switches = { MultiAZ, DeletionProtection, IAMDatabaseAuthenticationEnabled, PerformanceInsightsEnabled, MonitoringInterval };
      return { ...switches, MonitoringRoleArn, CopyTagsToSnapshot, AutoMinorVersionUpgrade, VpcSecurityGroups, DBParameterGroups };
    };
    expect(kept(await lab.describe(EAST, 'orders-new'))).toEqual(kept(await lab.describe(EAST, 'orders')));
    expect((await lab.describe(EAST, 'orders-new')).EnabledCloudwatchLogsExports).toEqual(['postgresql']);
  });

  test('takes over name and address by two renames', async () => {
    const host = source.Endpoint!.Address!;
    expect(await nameOf(host)).toBe('old');
    await expect(modify('orders-new', { NewDBInstanceIdentifier: 'orders' })).rejects.toMatchObject({
      name: 'DBInstanceAlreadyExistsFault',
    });
    await rename('orders', 'orders-old');
    await expect(lab.connect(EAST, host)).rejects.toThrow();
    await rename('orders-new', 'orders');
    expect((await lab.describe(EAST, 'orders')).Endpoint?.Address).toBe(host);
    expect(await nameOf(host)).toBe('live');
    const old = await lab.describe(EAST, 'orders-old');
    expect(old.DbiResourceId).toBe(source.DbiResourceId);
    expect(await nameOf(old.Endpoint!.Address!)).toBe('old');
  });
});
