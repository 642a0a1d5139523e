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

const KEPT = { 'orders-primary-before-epoch-2': { DbiResourceId: 'db-old' } };

it('waits for what takes the place of the renamed, and compares nothing with itself', async () => {
  await expect(search(KEPT)).rejects.toThrow('not yet a successor');
  await expect(search({ ...KEPT, 'orders-primary': { DbiResourceId: 'db-old' } })).rejects.toThrow('not yet a successor');
});

it('compares with a writer where the workload has come back before the search', async () => {
  const writer = { DbiResourceId: 'db-new', DBInstanceStatus: 'available' };
  await expect(search({ ...KEPT, 'orders-primary': writer })).rejects.toThrow('the former writer has no endpoint yet');
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
