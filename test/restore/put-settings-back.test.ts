import { DBInstanceNotFoundFault, InvalidDBInstanceStateFault, RDSServiceException } from '@aws-sdk/client-rds';
import { describe, expect, it } from 'vitest';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { Settings } from '../../lambdas/resources/rds-settings.ts';
import { putSettingsBack } from '../../lambdas/restore/put-settings-back.ts';
import { restoredName } from '../../lambdas/restore/restoring.ts';
import { IDENTIFIER, MemoryRegion, requestOf, settings } from './region.ts';

const $metadata = { httpStatusCode: 400 };
const refusal = (name: string) => new RDSServiceException({ name, message: 'no', $fault: 'client', $metadata });

/** The restored instance has none of these, and RDS refuses what is named. */
const given = (wanted: Settings, refused: readonly string[], error: () => Error = () => refusal('InvalidParameterCombination')) => {
  const region = new MemoryRegion();
  const asked: string[][] = [];
  region.set(IDENTIFIER, { settings: { ...settings, ...wanted } });
  region.set(restoredName(region.base.plan, requestOf()), { settings });
  const modify = async (id: string, change: object) => {
    const names = Object.keys(change);
    asked.push(names);
    if (names.some((name) => refused.includes(name))) throw error();
    await region.instances.modify(id, change);
  };
  const services = { ...region.base, instances: { ...region.instances, modify } as never };
  const step = (execution = 'run-1') => putSettingsBack.run({ workload: 'orders', request: requestOf({ execution }) }, services);
  return { region, asked, step };
};

describe('a setting that RDS refuses', () => {
  const wanted: Settings = {
    BackupRetentionPeriod: 7,
    MonitoringInterval: 5,
    MonitoringRoleArn: 'role',
    EnablePerformanceInsights: true,
    PerformanceInsightsKMSKeyId: 'key',
    MaxAllocatedStorage: 100,
  };

  it('holds up no other, and is asked for alone once in a run', async () => {
    const { region, asked, step } = given(wanted, ['MonitoringRoleArn', 'MaxAllocatedStorage']);
    await expect(step()).rejects.toThrow('BackupRetentionPeriod are being put back');
    await expect(step()).rejects.toThrow('PerformanceInsights');
    const parts = [
      ['BackupRetentionPeriod'],
      ['MonitoringInterval', 'MonitoringRoleArn'],
      ['EnablePerformanceInsights', 'PerformanceInsightsKMSKeyId'],
      ['MaxAllocatedStorage'],
    ];
    expect(asked).toEqual([parts.flat(), parts[0], parts.slice(1).flat(), parts[1], parts[2]]);
    const left = { settled: true, refused: ['MonitoringInterval', 'MonitoringRoleArn', 'MaxAllocatedStorage'] };
    expect(await step()).toEqual(left);
    const count = asked.length;
    expect(asked.at(-1)).toEqual(parts[3]);
    expect(await step()).toEqual(left);
    expect(asked).toHaveLength(count);
    const { settings: found } = region.look().get(restoredName(region.base.plan, requestOf()))!;
    expect(found).toMatchObject({ BackupRetentionPeriod: 7, PerformanceInsightsKMSKeyId: 'key' });
  });

  it('is asked for again by the run that goes on after what stood in its way was put right', async () => {
    const { asked, step } = given({ MaxAllocatedStorage: 100 }, ['MaxAllocatedStorage']);
    await step();
    await step('run-2');
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['a state', NotReady, () => new NotReady('busy', { cause: new InvalidDBInstanceStateFault({ message: 'm', $metadata }) })],
    ['throttling', RDSServiceException, () => refusal('Throttling')],
    [
      'a fault of RDS',
      RDSServiceException,
      () => new RDSServiceException({ name: 'X', $fault: 'server', $metadata: { httpStatusCode: 500 } }),
    ],
    ['an instance that is gone', DBInstanceNotFoundFault, () => new DBInstanceNotFoundFault({ message: 'm', $metadata })],
    ['no answer', TypeError, () => new TypeError('socket')],
  ] as const)('is not what %s says', async (_, type, error) => {
    const { asked, step } = given(wanted, ['BackupRetentionPeriod'], error);
    await expect(step()).rejects.toThrow(type);
    expect(asked).toHaveLength(1);
  });
});

it('a clean room that is gone on with after its move goes back to one zone first: RDS moves no other', async () => {
  const region = new MemoryRegion();
  const request = requestOf({ placement: 'cleanRoom' });
  const id = restoredName(region.base.plan, request);
  region.set(id, { settings: { ...settings, DBSubnetGroupName: 'orders' } });
  const asked: string[][] = [];
  const modify = async (name: string, change: object) => {
    asked.push(Object.keys(change));
    if ('DBSubnetGroupName' in change && ('MultiAZ' in change || region.known.get(id)!.settings.MultiAZ))
      throw refusal('InvalidParameterCombination');
    await region.instances.modify(name, change);
  };
  const services = { ...region.base, instances: { ...region.instances, modify } as never };
  const step = () => putSettingsBack.run({ workload: 'orders', request }, services);
  for (let i = 0; i < 2; i++) await expect(step()).rejects.toThrow(NotReady);
  expect(await step()).toEqual({ settled: true });
  expect(asked.slice(1)).toEqual([['MultiAZ'], ['DBSubnetGroupName', 'VpcSecurityGroupIds', 'PubliclyAccessible']]);
});
