import { describe, expect, it } from 'vitest';
import { backupPolicy } from '../../environments/backup.ts';
import { closeBackup } from '../../lambdas/backup/close-backup.ts';
import { copyToAccount } from '../../lambdas/backup/copy-to-account.ts';
import { type BackupRequest, jobsOf } from '../../lambdas/backup/jobs.ts';
import { copyLateSeconds } from '../../lambdas/backup/lateness.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import type { RdsSnapshots } from '../../lambdas/resources/rds-snapshots.ts';
import { NOW } from '../kit/services.ts';
import { bothSites, MemorySnapshots, planWith, primaryBase, untilReady } from './memory.ts';

const request: BackupRequest = { run: 'run-1', tier: 'daily', dueAt: '2026-11-20T02:15:00.000Z', workloads: ['orders'] };
const ACCOUNT = '111111111111';

/** So many databases whose daily backups go to a vault, with their copies in the other site. */
const given = async (count: number, tiers: readonly ['daily' | 'weekly'] = ['daily']) => {
  const plain = planWith(count);
  const [workload] = plain.workloads;
  const databases = workload!.databases.map((database) => ({
    ...database,
    backup: { ...database.backup!, copyToAccount: { tiers: [...tiers], timeoutMinutes: 60 } },
  }));
  const base = primaryBase({ ...plain, vault: { account: ACCOUNT }, workloads: [{ ...workload!, databases }] });
  const { memory, snapshots } = bothSites();
  const points = new RecoveryPoints(base.ledger);
  const jobs = jobsOf(base.plan, 'primary', request);
  for (const { id, workload, database, tier, dueAt, instance } of jobs) {
    memory.recovery.add(id, { encrypted: true });
    const copies = [{ site: 'recovery' as const, region: 'us-west-2', arn: 'a', completedAt: dueAt, encrypted: true }];
    const facts = { instance, engine: 'postgres', engineVersion: '18.4', allocatedGb: 20 };
    await points.record({ id, workload, database, tier, dueAt, ...facts, copies });
  }
  const kept = new MemorySnapshots('us-west-2');
  // Only what is shared with the account can be copied by it.
  const pull = kept.copyFrom.bind(kept);
  kept.copyFrom = async (source, key) =>
    memory.recovery.shared.get(source.id) === ACCOUNT ? pull(source, key) : { kind: 'refused', because: 'not shared' };
  const vault = kept as unknown as RdsSnapshots;
  const services = { ...base, snapshots, vault, points };
  return { services, memory, kept, points, jobs, copy: () => copyToAccount.run({ request }, services) };
};

describe('copying to the vault', () => {
  it('shares what lies in the other site, has it copied under the key of the vault, waits, and writes it down', async () => {
    const { kept, points, jobs, copy, memory } = await given(2);
    await expect(copy()).rejects.toThrow(/2 of 2 copies are not in account 111111111111 yet/);
    expect((await untilReady(copy)).output).toEqual({ copied: 2, of: 2 });
    expect(kept.calls.filter((call) => call.startsWith('copy'))).toHaveLength(2);
    expect([...kept.known.values()].map(({ kmsKeyId }) => kmsKeyId)).toEqual(Array(2).fill('alias/lifeboat-demo-backup-vault'));
    expect([...memory.primary.calls, ...kept.calls].filter((call) => call.startsWith('share'))).toEqual([]);
    const point = await points.find(jobs[0]!);
    expect(point!.vault).toMatchObject({ account: ACCOUNT, region: 'us-west-2', arn: expect.stringContaining(jobs[0]!.id) });
    // What retention deletes is in `copies`, and the vault's is not.
    expect(point!.copies).toHaveLength(1);
    expect(await copy()).toEqual({ copied: 2, of: 2 });
  });

  it('keeps to the room for copies there, and lists instead of asking one by one', async () => {
    const { kept, memory, copy } = await given(45);
    const { output, polls } = await untilReady(copy);
    expect(output).toEqual({ copied: 45, of: 45 });
    expect(kept.calls.filter((call) => call === 'list')).toHaveLength(polls);
    expect(memory.recovery.calls.filter((call) => call === 'list')).toHaveLength(polls);
  });

  it('notes what a run before had copied, and died before it noted it', async () => {
    const { kept, points, jobs, copy } = await given(1);
    const before = { ...(await points.find(jobs[0]!))!, id: 'the-one-before', dueAt: '2026-11-19T02:15:00.000Z' };
    await points.record(before);
    kept.add(before.id, { encrypted: true });
    await points.record({ ...before, id: 'another', dueAt: '2026-11-18T02:15:00.000Z' });
    kept.add('another', { encrypted: true, allocatedGb: 10 });
    await untilReady(copy);
    expect((await points.find(before))!.vault).toMatchObject({ account: ACCOUNT, arn: expect.stringContaining('the-one-before') });
    expect((await points.list('orders', jobs[0]!.database)).map(({ vault }) => vault !== undefined)).toEqual([true, true, false]);
  });

  it('does nothing for tiers that the policy does not name, and nothing without a vault', async () => {
    const { services, kept, copy } = await given(1, ['weekly']);
    expect(await copy()).toEqual({ copied: 0, of: 0 });
    expect(kept.calls).toEqual([]);
    const { vault: _, ...plan } = services.plan;
    expect(await copyToAccount.run({ request }, { ...services, plan, vault: undefined })).toEqual({ copied: 0, of: 0 });
  });

  it('shares nothing that lies there unencrypted, and holds up no other for it', async () => {
    const { memory, jobs, copy } = await given(25);
    for (const { id } of jobs.slice(0, 22)) memory.recovery.known.get(id)!.encrypted = false;
    expect((await untilReady(copy)).output).toEqual({ copied: 3, of: 25 });
    expect([...memory.recovery.shared.keys()].sort()).toEqual(
      jobs
        .slice(22)
        .map(({ id }) => id)
        .sort(),
    );
  });

  it('that RDS refuses takes the room of no other', async () => {
    const { kept, jobs, copy } = await given(25);
    const refused = new Set(jobs.slice(0, 22).map(({ id }) => id));
    const pull = kept.copyFrom.bind(kept);
    kept.copyFrom = async (source, key) => (refused.has(source.id) ? { kind: 'refused', because: 'its key is gone' } : pull(source, key));
    expect((await untilReady(copy)).output).toEqual({ copied: 3, of: 25 });
  });

  it('counts no copy that is not encrypted or not of the size of its source, and the run says that it lacks', async () => {
    const { services, kept, points, jobs, copy } = await given(2);
    kept.add(jobs[0]!.id, { encrypted: false });
    kept.add(jobs[1]!.id, { encrypted: true, allocatedGb: 10 });
    expect(await copy()).toEqual({ copied: 0, of: 2 });
    expect((await points.find(jobs[0]!))!.vault).toBeUndefined();
    const output = await closeBackup.run({ request }, { ...services, tell: async () => {}, put: async () => {} });
    expect(output).toMatchObject({ succeeded: false, problems: jobs.map(({ id }) => `${id}: no copy in the vault's account`) });
  });

  it('fails when the role there cannot be taken on: a run without its copy is no success', async () => {
    const { services } = await given(1);
    const vault = { list: () => Promise.reject(new Error('AccessDenied')) } as unknown as RdsSnapshots;
    const attempt = copyToAccount.run({ request }, { ...services, vault });
    await expect(attempt).rejects.toThrow('AccessDenied');
    await expect(attempt).rejects.not.toThrow(NotReady);
  });
});

describe('a copy in the vault that does not come', () => {
  it('is late after its own timeout, only for the tiers that are copied there', () => {
    const policy = backupPolicy.parse({
      tiers: [{ every: 'daily', keepDays: 7 }],
      copyToAccount: { tiers: ['daily'], timeoutMinutes: 60 },
    });
    const dueAt = new Date(NOW - 3.75 * 3_600_000).toISOString();
    const copies = [{ site: 'recovery', region: 'r', arn: 'a', completedAt: dueAt, encrypted: true }];
    const point = { tier: 'daily', dueAt, copies } as unknown as RecoveryPoint;
    const moment = { now: NOW, other: 'recovery' };
    // Half an hour to take, an hour to copy, a quarter of grace, an hour for the vault: 2.75 of 3.75 hours.
    expect(copyLateSeconds([point], policy, moment)).toBe(3_600);
    const kept = { ...point, vault: { account: ACCOUNT, region: 'r', arn: 'v', completedAt: dueAt } };
    expect(copyLateSeconds([kept], policy, moment)).toBe(0);
    expect(copyLateSeconds([point], { ...policy, copyToAccount: undefined }, moment)).toBe(0);
  });
});
