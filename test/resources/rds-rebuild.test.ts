import { RDSServiceException } from '@aws-sdk/client-rds';
import { describe, expect, it } from 'vitest';
import { DatabaseUnrecoverable, NotReady } from '../../lambdas/kit/errors.ts';
import type { DBInstance, RdsControl } from '../../lambdas/resources/rds-control.ts';
import { rebuildAsReplica } from '../../lambdas/resources/rds-rebuild.ts';

const SOURCE = 'arn:aws:rds:us-west-2:000000000000:db:orders-replica';

/** A region with these instances, and the calls that would change them, in order. */
const NOW = Date.parse('2026-11-20T12:00:00Z');
const region = (
  instances: Record<string, DBInstance>,
  fence: (epoch: number) => Promise<unknown> = async () => undefined,
  over: Partial<RdsControl> = {},
) => {
  const calls: unknown[] = [];
  const rds = {
    identifier: 'orders',
    find: async (name = 'orders') => instances[name],
    modify: async (change: object) => void calls.push(['modify', change]),
    reboot: async () => void calls.push(['reboot']),
    createReplica: async (source: string, like: DBInstance | undefined, key: string) =>
      void calls.push(['createReplica', source, like?.DBInstanceClass ?? key]),
    ...over,
  } as unknown as RdsControl;
  const fenced = async (epoch: number) => {
    calls.push(['fence', epoch]);
    await fence(epoch);
  };
  const keep = async (instance: string) => void calls.push(['keep', instance]);
  const release = async (instance: string) => void calls.push(['release', instance]);
  return {
    calls,
    step: () => rebuildAsReplica({ rds, sourceArn: SOURCE, key: 'alias/lifeboat-demo', fence: fenced, keep, release, now: () => NOW }, 4),
  };
};

describe('a former writer', () => {
  it('is fenced for its epoch, then noted, then renamed, and never deleted', async () => {
    const { calls, step } = region({ orders: { DBInstanceStatus: 'available' } });
    expect(await step()).toBe('setting the old writer aside');
    expect(calls).toEqual([
      ['fence', 3],
      ['keep', 'orders-before-epoch-4'],
      ['modify', { NewDBInstanceIdentifier: 'orders-before-epoch-4' }],
    ]);
  });

  it('stays where it is while its fence is not proven', async () => {
    const { calls, step } = region({ orders: { DBInstanceStatus: 'available' } }, async () => {
      throw new NotReady('2 sessions of the workload are still open');
    });
    await expect(step()).rejects.toBeInstanceOf(NotReady);
    expect(calls).toEqual([['fence', 3]]);
  });

  it('is replaced by a replica with its settings', async () => {
    const { calls, step } = region({ 'orders-before-epoch-4': { DBInstanceClass: 'db.r6g.large' } });
    expect(await step()).toBe('creating the replica');
    expect(calls).toEqual([
      ['keep', 'orders-before-epoch-4'],
      ['release', 'orders-before-epoch-4'],
      ['createReplica', SOURCE, 'db.r6g.large'],
    ]);
  });

  it("that is gone is replaced by a replica, under Lifeboat's key where it must have one", async () => {
    const { calls, step } = region({});
    expect(await step()).toBe('creating the replica');
    expect(calls).toEqual([
      ['keep', 'orders-before-epoch-4'],
      ['createReplica', SOURCE, 'alias/lifeboat-demo'],
    ]);
  });

  it.each(['rebooting', 'modifying', 'something new'])('is waited for while it is %s', async (DBInstanceStatus) => {
    const { calls, step } = region({ orders: { DBInstanceStatus } });
    expect(await step()).toBe(`waiting: ${DBInstanceStatus}`);
    expect(calls).toEqual([]);
  });

  it('that cannot come back needs a person', async () => {
    const { step } = region({ orders: { DBInstanceStatus: 'storage-full' } });
    await expect(step()).rejects.toBeInstanceOf(DatabaseUnrecoverable);
  });
});

it('a replica is what it should be', async () => {
  const { calls, step } = region({ orders: { DBInstanceStatus: 'available', ReadReplicaSourceDBInstanceIdentifier: SOURCE } });
  expect(await step()).toBe('replicating');
  expect(calls).toEqual([]);
});

it('a replica of a writer that a restore has replaced is set aside, unfenced: it accepts no writes anyway', async () => {
  const old = 'arn:aws:rds:us-west-2:000000000000:db:orders-replica-old-0123abcd';
  const { calls, step } = region({ orders: { DBInstanceStatus: 'available', ReadReplicaSourceDBInstanceIdentifier: old } });
  expect(await step()).toBe('setting a replica of a former writer aside');
  expect(calls).toEqual([['modify', { NewDBInstanceIdentifier: 'orders-before-epoch-4' }]]);
});

describe('a new replica', () => {
  const group = (DBParameterGroupName: string, ParameterApplyStatus = 'in-sync') => ({
    DBParameterGroups: [{ DBParameterGroupName, ParameterApplyStatus }],
  });
  const replica = (over: DBInstance = {}): DBInstance => ({
    DBInstanceStatus: 'available',
    ReadReplicaSourceDBInstanceIdentifier: SOURCE,
    InstanceCreateTime: new Date(NOW - 600_000),
    ...group('default.postgres18'),
    ...over,
  });
  const former = { BackupRetentionPeriod: 7, MonitoringInterval: 60, MonitoringRoleArn: 'role', ...group('tuned') };

  it.each([
    [
      'the parameter group first, which RDS refuses when it is made',
      {},
      'putting back DBParameterGroupName',
      ['modify', { DBParameterGroupName: 'tuned' }],
    ],
    [
      'what else it lacks, but no backups: they are a writer’s',
      group('tuned', 'pending-reboot'),
      'putting back MonitoringInterval, MonitoringRoleArn',
      ['modify', { MonitoringInterval: 60, MonitoringRoleArn: 'role' }],
    ],
    [
      'a restart, with which the group takes hold',
      { ...group('tuned', 'pending-reboot'), MonitoringInterval: 60, MonitoringRoleArn: 'role' },
      'restarting it with its parameter group',
      ['reboot'],
    ],
  ])('gets %s', async (_, over, said, call) => {
    const { calls, step } = region({ orders: replica(over), 'orders-before-epoch-4': former });
    expect(await step()).toBe(said);
    expect(calls).toEqual([call]);
  });

  it('goes without what RDS refuses, and asks again for what was throttled', async () => {
    const instances = { orders: replica(), 'orders-before-epoch-4': former };
    const failing = (name: string) => {
      const error = new RDSServiceException({ name, message: name, $fault: 'client', $metadata: { httpStatusCode: 400 } });
      const modify = () => Promise.reject(error);
      return region(instances, undefined, { modify }).step();
    };
    expect(await failing('InvalidParameterCombination')).toBe('replicating');
    await expect(failing('Throttling')).rejects.toThrow('Throttling');
  });

  it('that is as its former was, is older than an hour, or has no former, is left alone', async () => {
    const same = { ...group('tuned'), MonitoringInterval: 60, MonitoringRoleArn: 'role' };
    const waits = replica({ ...group('mine', 'pending-reboot'), InstanceCreateTime: new Date(NOW - 3_600_000) });
    for (const instances of [
      { orders: replica(same), 'orders-before-epoch-4': former },
      { orders: waits, 'orders-before-epoch-4': former },
      { orders: replica(group('mine', 'pending-reboot')) },
    ] as Record<string, DBInstance>[]) {
      const { calls, step } = region(instances);
      expect(await step()).toBe('replicating');
      expect(calls).toEqual([]);
    }
  });
});
