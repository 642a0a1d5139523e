import { App } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { defineEnvironment } from '../../environments/define.ts';
import demo from '../../environments/demo.ts';
import { risksOf } from '../../environments/risks.ts';
import type { EnvironmentInput } from '../../environments/schema.ts';
import { LedgerStack } from '../../infra/ledger-stack.ts';
import { environment, workload } from './fixtures.ts';

const database = (enforcement: 'database' | 'guard') => ({
  kind: 'rds-postgres-replica' as const,
  name: 'ledger',
  instances: { primary: 'a', recovery: 'b' },
  secret: 's',
  databaseName: 'd',
  applicationRoles: ['r'],
  enforcement,
});
const isolatingSecurityGroupId = 'sg-0a1b2c3d';
const regions = environment().sites;
const sites = {
  primary: { ...regions.primary, isolatingSecurityGroupId },
  recovery: { ...regions.recovery, isolatingSecurityGroupId },
};
const define = (enforcement: 'database' | 'guard', changes: Partial<EnvironmentInput> = {}) =>
  defineEnvironment(
    environment({ sites, workloads: [workload('orders', { databases: [database(enforcement)] }), workload('pages')], ...changes }),
  );

it('has nothing to say of the safest choices', () => {
  expect(risksOf(define('database'))).toEqual({ environment: undefined, workloads: {} });
  expect(risksOf(demo)).toEqual({ environment: undefined, workloads: {} });
});

it.each([
  [{ lease: { policy: 'available' as const } }, /^lease\.policy 'available': .*two sites write until the link heals.*'strict' fences it$/],
  [
    { sites: { ...sites, recovery: regions.recovery } },
    /^no isolatingSecurityGroupId in sites\.recovery: .*name a group that lets nobody in$/,
  ],
  [{ lease: { failsafe: false } }, /^lease\.failsafe off: .*writes of every workload stop after 15 s.*'true'/],
  [{ consistency: 'eventual' as const }, /^consistency 'eventual': .*both sites may hold the lease/],
  [
    { consistency: 'eventual' as const, lease: { policy: 'available' as const } },
    /^lease\.policy 'available': .*; and consistency 'eventual': /,
  ],
])('says of %j what it leaves open, in one text', (changes, words) => {
  expect(risksOf(define('database', changes)).environment).toMatch(words);
});

it('says it of a workload whose writes only the guard can end, and of one whose database lease the policy renews', () => {
  expect(risksOf(define('guard')).workloads).toEqual({
    orders: expect.stringMatching(/^enforcement 'guard' for ledger of 'orders': .*a person moves/),
  });
  const automatic = define('guard', { failover: { policy: 'automatic' }, acceptedRisks: ['automatic-failover-past-a-dead-guard'] });
  expect(risksOf(automatic).workloads.orders).toMatch(/an alarm moves/);
  expect(risksOf(define('database', { lease: { policy: 'available' } })).workloads).toEqual({
    orders: expect.stringMatching(/^enforcement 'database' of 'orders' under lease\.policy 'available'/),
  });
});

it('is one warning of the synthesis for the environment and one for each workload', () => {
  const warningsOf = (risky: ReturnType<typeof define>) => {
    const stack = new LedgerStack(new App(), 'ledger', {
      environment: risky,
      env: { account: risky.account, region: risky.sites.primary.region },
    });
    return Annotations.fromStack(stack)
      .findWarning('*', Match.anyValue())
      .map(({ entry }) => String(entry.data));
  };
  expect(warningsOf(define('guard', { consistency: 'eventual' })).sort()).toEqual([
    expect.stringMatching(/^consistency 'eventual'/),
    expect.stringMatching(/^enforcement 'guard'/),
  ]);
  expect(warningsOf(define('database'))).toEqual([]);
});
