import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { reconcileReplication } from '../../lambdas/backup/reconcile-replication.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import type { AutomatedBackup } from '../../lambdas/resources/rds-automated-backups.ts';
import type { Answer } from '../../lambdas/resources/rds-snapshots.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const SOURCE = 'arn:aws:rds:us-east-1:000000000000:db:orders-primary';
const KEY = 'arn:aws:kms:us-west-2:000000000000:key/1';

const plan: typeof demo = {
  ...demo,
  workloads: demo.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map((database) => ({
      ...database,
      backup: { ...database.backup!, replicatedAutomatedBackups: { retentionDays: 7, alarmAfterMinutes: 60 } },
    })),
  })),
};

const backupOf = (minutesOld: number | undefined, over: Partial<AutomatedBackup> = {}): AutomatedBackup => ({
  arn: 'arn:aws:rds:us-west-2:000000000000:auto-backup:ab-1',
  instanceArn: SOURCE,
  status: 'replicating',
  latestAt: minutesOld === undefined ? undefined : new Date(NOW - minutesOld * 60_000).toISOString(),
  ...over,
});

/** The recovery site; the workload is active in the primary one unless it is said otherwise. */
const given = (
  known: AutomatedBackup[],
  { holder = 'primary', answer = { kind: 'asked' } }: { holder?: SiteName; answer?: Answer } = {},
) => {
  const base = baseFor(leaseOf({ holder }), { plan });
  const asked: [string, object][] = [];
  const backups = {
    list: async () => known,
    replicate: async (instanceArn: string, options: object) => {
      asked.push([instanceArn, options]);
      return answer;
    },
  };
  let clock = NOW;
  const put = async (_: readonly Datum[]) => {};
  const run = async (at = NOW) => {
    clock = at;
    const { data, unread } = await reconcileReplication.run({}, { ...base, now: () => clock, backups, put, keyArn: KEY } as never);
    return { lag: data[0]?.value, unread };
  };
  return { base, asked, run };
};

describe('replicated automated backups', () => {
  it('are asked for where there are none, and are behind from then on until something comes', async () => {
    const { asked, run } = given([]);
    expect((await run()).lag).toBe(0);
    expect(asked).toEqual([[SOURCE, { retentionDays: 7, keyArn: KEY }]]);
    expect((await run(NOW + 600_000)).lag).toBe(600);
  });

  it('are left alone once they come, whatever RDS calls it, and lag by the newest moment that can be restored', async () => {
    for (const status of ['replicating', 'active', 'something-new']) {
      const { asked, run } = given([backupOf(7, { status })]);
      expect((await run()).lag).toBe(420);
      expect(asked).toEqual([]);
    }
    const { asked, run } = given([backupOf(undefined, { status: 'creating' })]);
    await run();
    expect((await run(NOW + 60_000)).lag).toBe(60);
    expect(asked).toEqual([]);
  });

  it('that are only kept, or of another instance, are none', async () => {
    const foreign = backupOf(1, { instanceArn: 'arn:aws:rds:us-west-2:000000000000:db:orders-replica' });
    const { asked, run } = given([backupOf(1, { status: 'retained' }), foreign]);
    await run();
    expect(asked).toHaveLength(1);
  });

  it('are asked for by the site that is not active, and by none when nobody knows who is', async () => {
    const active = given([], { holder: 'recovery' });
    expect(await active.run()).toEqual({ lag: 0, unread: 0 });
    expect(active.asked).toEqual([]);
    const unreadable = given([]);
    unreadable.base.memory.lease = () => Promise.reject(new Error('no ledger'));
    expect(await unreadable.run()).toEqual({ lag: undefined, unread: 1 });
    expect(unreadable.asked).toEqual([]);
  });

  it('that RDS refuses are asked for again, and lag', async () => {
    const { asked, run } = given([], { answer: { kind: 'refused', because: 'backups are off' } });
    await run();
    expect((await run(NOW + 60_000)).lag).toBe(60);
    expect(asked).toHaveLength(2);
  });
});
