import { expect, it } from 'vitest';
import { defineEnvironment, InvalidEnvironment } from '../../environments/define.ts';
import { LONGEST_INSTANCE } from '../../environments/names.ts';
import { setAsideName } from '../../lambdas/resources/rds-rebuild.ts';
import { replacedName, restoredName } from '../../lambdas/restore/restoring.ts';
import { copyName } from '../../lambdas/verification/copies.ts';
import { environment, workload } from './fixtures.ts';

const withInstance = (primary: string) =>
  environment({
    name: 'an-environment-a',
    workloads: [
      workload('orders', {
        databases: [
          {
            kind: 'rds-postgres-replica',
            name: 'orders',
            instances: { primary, recovery: 'orders-replica' },
            secret: 's',
            databaseName: 'd',
            applicationRoles: ['r'],
          },
        ],
      }),
    ],
  });
const longest = 'a'.repeat(LONGEST_INSTANCE);
const point = { id: 'p'.repeat(255), workload: 'orders', database: 'orders', dueAt: '2026-11-27T00:00:00.000Z' };

it('every name that is made of the longest identifier is one that RDS takes', () => {
  const plan = defineEnvironment(withInstance(longest));
  const run = { incident: 'i'.repeat(80), point } as Parameters<typeof restoredName>[1];
  const names = [setAsideName(longest, 999_999), replacedName(longest, run), restoredName(plan, run), copyName(plan, run.incident, point)];
  for (const name of names) expect(name).toMatch(/^[a-z](-?[a-z0-9]){0,62}$/);
  expect(Math.max(...names.map(({ length }) => length))).toBe(63);
});

it('a longer identifier is refused, with the field and what to do', () => {
  const define = () => defineEnvironment(withInstance(`${longest}a`));
  expect(define).toThrow(InvalidEnvironment);
  expect(define).toThrow(
    /workloads\[0\]\.databases\[0\]\.instances\.primary: is 'a+'; give a DB instance identifier of at most 43 characters, .*before-epoch-<n>.*--new-db-instance-identifier/,
  );
});
