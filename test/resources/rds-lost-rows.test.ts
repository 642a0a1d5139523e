import { expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { DBInstance, RdsControl } from '../../lambdas/resources/rds-control.ts';
import { searchSetAside } from '../../lambdas/resources/rds-lost-rows.ts';

const search = (instances: Record<string, DBInstance>) => {
  const rds = { identifier: 'orders-primary', find: async (name = 'orders-primary') => instances[name] } as unknown as RdsControl;
  const [config] = demo.workloads[0]!.databases;
  const options = { done: new Set<string>(), take: async () => {}, finish: async () => {}, until: 0, now: () => 0 };
  return searchSetAside({ rds, config: config! }, 2, options as never);
};

it('waits for the replica that takes the place of what was renamed, and for a writer to be one', async () => {
  const kept = { 'orders-primary-before-epoch-2': {} };
  await expect(search(kept)).rejects.toBeInstanceOf(NotReady);
  await expect(search({ ...kept, 'orders-primary': { DBInstanceStatus: 'available' } })).rejects.toBeInstanceOf(NotReady);
});

it('takes no writer for gone that is still to be renamed, or on its way to its new name', async () => {
  await expect(search({ 'orders-primary': { DBInstanceStatus: 'available' } })).rejects.toBeInstanceOf(NotReady);
  await expect(search({ 'orders-primary': { DBInstanceStatus: 'renaming' } })).rejects.toBeInstanceOf(NotReady);
  await expect(search({})).rejects.toBeInstanceOf(NotReady);
});

it('finds nothing kept only where RDS says that there is nothing, and a replica is in its place', async () => {
  expect(await search({ 'orders-primary': { ReadReplicaSourceDBInstanceIdentifier: 'the new writer' } })).toEqual({
    state: 'nothing-kept',
  });
});
