import { Cron } from 'croner';
import { describe, expect, it } from 'vitest';
import { backupPolicy, exposureOf, intervalSeconds, scheduleOf, tierIntervals } from '../../environments/backup.ts';
import { defineEnvironment } from '../../environments/define.ts';
import type { EnvironmentInput } from '../../environments/schema.ts';
import { environment, workload } from './fixtures.ts';

type Policy = NonNullable<NonNullable<EnvironmentInput['workloads'][number]['databases']>[number]['backup']>;

const isolation = {
  dbSubnetGroup: 'isolated',
  dbSecurityGroupIds: ['sg-0a'],
  subnetIds: ['subnet-0a'],
  securityGroupIds: ['sg-0b'],
};
const withPolicy = (backup: Policy, isolated = true): EnvironmentInput =>
  environment({
    sites: {
      primary: { region: 'eu-west-1', ...(isolated ? { isolation } : {}) },
      recovery: { region: 'eu-central-1', ...(isolated ? { isolation } : {}) },
    },
    workloads: [
      workload('orders', {
        databases: [
          {
            kind: 'rds-postgres-replica',
            name: 'orders',
            instances: { primary: 'a', recovery: 'b' },
            secret: 's',
            databaseName: 'd',
            applicationRoles: ['r'],
            backup,
          },
        ],
      }),
    ],
  });

describe('a backup policy', () => {
  it('is complete with nothing said', () => {
    const [database] = defineEnvironment(withPolicy({})).workloads[0]!.databases;
    expect(database!.backup!.tiers.map(({ every }) => every)).toEqual(['six-hourly', 'daily', 'weekly']);
    expect(exposureOf(database!.backup!).reduce((sum, { seconds }) => sum + seconds, 0)).toBe(27_000);
  });

  it('that cannot meet its RPO is refused with the sum', () => {
    expect(() => defineEnvironment(withPolicy({ rpoSeconds: 7_200 }))).toThrow(
      "workloads[0].databases[0].backup.rpoSeconds: is 7200 s but the newest copy of 'orders' can be 27000 s old: " +
        "interval of 'six-hourly' 21600 s + snapshotTimeoutMinutes 1800 s + copyTimeoutMinutes 3600 s",
    );
  });

  it('needs a place to prove it in both sites, and names each tier once', () => {
    const tiers = [
      { every: 'hourly' as const, keepDays: 1 },
      { every: 'hourly' as const, keepDays: 2 },
    ];
    const attempt = () => defineEnvironment(withPolicy({ tiers }, false));
    expect(attempt).toThrow('sites.primary.isolation: is missing');
    expect(attempt).toThrow('sites.recovery.isolation: is missing');
    expect(attempt).toThrow("tiers[1].every: is 'hourly', which is used before");
  });

  it('copies to another account only where one is named, which is not this one, and only tiers that there are', () => {
    const copyToAccount = { tiers: ['daily' as const, 'hourly' as const] };
    expect(() => defineEnvironment(withPolicy({ copyToAccount }))).toThrow(
      /backup\.copyToAccount: needs an account to copy to[\s\S]*copyToAccount\.tiers\[1\]: is 'hourly', which is no tier of this policy/,
    );
    const own = withPolicy({ copyToAccount: { tiers: ['daily'] } });
    expect(() => defineEnvironment({ ...own, vault: { account: own.account } })).toThrow('vault.account: is');
    expect(defineEnvironment({ ...own, vault: { account: '999999999999' } }).vault).toEqual({ account: '999999999999' });
  });

  it.each([
    ['names that are joined', ['orders', 'eu-main', 'daily'], ['orders-eu', 'main', 'daily'], 'orders-eu-main-daily'],
    ['a tier that has a hyphen', ['orders', 'main', 'six-hourly'], ['orders', 'main-six', 'hourly'], 'orders-main-six-hourly'],
  ] as const)('gives no two databases one name of snapshots: %s', (_, one, other, name) => {
    const plain = withPolicy({});
    const [{ databases: [database] = [] }] = plain.workloads as [EnvironmentInput['workloads'][number]];
    const named = ([workloadName, databaseName, every]: readonly [string, string, 'daily' | 'hourly' | 'six-hourly']) =>
      workload(workloadName, {
        databases: [{ ...database!, name: databaseName, backup: { tiers: [{ every, keepDays: 1 }], rpoSeconds: 200_000 } }],
      });
    const merged = (a: ReturnType<typeof named>, b: ReturnType<typeof named>) =>
      a.name === b.name ? [{ ...a, databases: [...a.databases!, ...b.databases!] }] : [a, b];
    const at = one[0] === other[0] ? 'workloads[0].databases[1]' : 'workloads[1].databases[0]';
    expect(() => defineEnvironment({ ...plain, workloads: merged(named(one), named(other)) })).toThrow(
      `${at}.name: is '${other[1]}', whose snapshots would have the name ${name}, as those of '${one[1]}' of workload '${one[0]}'`,
    );
    const apart = named([other[0], `${other[1]}-x`, other[2]]);
    expect(defineEnvironment({ ...plain, workloads: merged(named(one), apart) }).workloads.length).toBeGreaterThan(0);
  });

  it('knows a wrong time zone', () => {
    expect(() => defineEnvironment(withPolicy({ tiers: [{ every: 'daily', keepDays: 1, timeZone: 'Europe/Atlantis' }] }))).toThrow(
      'a time zone of the IANA database',
    );
  });
});

describe('a schedule', () => {
  const year = Date.parse('2027-01-01T00:00:00Z');
  it.each(Object.keys(tierIntervals) as (keyof typeof tierIntervals)[])('%s comes at least as often as the arithmetic says', (every) => {
    for (const timeZone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
      const [tier] = backupPolicy.parse({ tiers: [{ every, keepDays: 1, at: '01:30', timeZone }] }).tiers;
      const [, fields] = /^cron\((.+) \*\)$/.exec(scheduleOf(tier!))!;
      const due = new Cron(fields!, { timezone: timeZone }).nextRuns(400, new Date(year)).map((date) => date.getTime());
      const gaps = due.slice(1).map((at, i) => (at - due[i]!) / 1_000);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(intervalSeconds(tier!));
    }
  });
});
