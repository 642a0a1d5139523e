import { describe, expect, it } from 'vitest';
import { closeBackup } from '../../lambdas/backup/close-backup.ts';
import { copySnapshots } from '../../lambdas/backup/copy-snapshots.ts';
import { type BackupRequest, jobsOf } from '../../lambdas/backup/jobs.ts';
import { Manifests } from '../../lambdas/backup/manifests.ts';
import { recordRecoveryPoints } from '../../lambdas/backup/record-recovery-points.ts';
import { takeManifests } from '../../lambdas/backup/take-manifests.ts';
import { takeSnapshots } from '../../lambdas/backup/take-snapshots.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { bothSites, planWith, primaryBase, untilReady } from './memory.ts';

const request: BackupRequest = { run: 'run-1', tier: 'daily', dueAt: '2026-11-20T02:15:00.000Z', workloads: ['orders'] };
const noInstances = { list: async () => new Map() } as never;
const noManifest = { find: async () => undefined, save: async () => {} } as never;

describe('a backup of 300 databases', () => {
  it('takes and copies each, drops none, never has over 20 copies on their way, and lists instead of asking one by one', async () => {
    const plan = planWith(300);
    const base = primaryBase(plan);
    const { memory, snapshots } = bothSites();
    const taken = await untilReady(() => takeSnapshots.run({ request }, { ...base, snapshots }));
    expect(taken.output).toEqual({ taken: 300, of: 300 });
    const takeLists = memory.primary.calls.filter((call) => call === 'list').length;
    expect(takeLists).toBe(taken.polls);

    const copied = await untilReady(() => copySnapshots.run({ request }, { ...base, snapshots }));
    expect(copied.output).toEqual({ copied: 300, of: 300 });
    expect(copied.polls).toBeGreaterThanOrEqual(300 / 20);
    // Three pages of a hundred for each list.
    const pagesPerPoll = 2 * 3;
    expect(pagesPerPoll / 300).toBeLessThanOrEqual(0.2);
    const lists = [...memory.primary.calls, ...memory.recovery.calls].filter((call) => call === 'list').length;
    expect(lists).toBeLessThanOrEqual(takeLists + 2 * copied.polls);
    expect(memory.recovery.calls.filter((call) => call.startsWith('copy'))).toHaveLength(300);
  });
});

describe('taking manifests', () => {
  it('tries each database once, so that many that cannot be read keep the time from no other', async () => {
    const base = primaryBase(planWith(300));
    let ms = Date.parse(request.dueAt);
    const services = { ...base, now: () => (ms += 1_000), manifests: new Manifests(base.ledger), instances: noInstances };
    const read = await untilReady(() => takeManifests.run({ request }, services));
    // Some sixty looks at the clock in a try's budget.
    expect(read.polls).toBeGreaterThan(2);
    expect(read.polls).toBeLessThan(10);
    expect([...base.memory.items.keys()].filter((key) => key.includes('manifest#'))).toHaveLength(300);
  });
});

describe('taking snapshots', () => {
  it('waits for an instance that is busy and asks again', async () => {
    const base = primaryBase(planWith(2));
    const { memory, snapshots } = bothSites();
    memory.primary.busy.add('d1-primary');
    await expect(takeSnapshots.run({ request }, { ...base, snapshots })).rejects.toThrow(NotReady);
    await expect(takeSnapshots.run({ request }, { ...base, snapshots })).rejects.toThrow(
      /1 of 2 .*d1-daily-202611200215 waits: backing-up/,
    );
    memory.primary.busy.clear();
    expect((await untilReady(() => takeSnapshots.run({ request }, { ...base, snapshots }))).output.taken).toBe(2);
    expect(memory.primary.calls.filter((call) => call.startsWith('take') && call.includes('d0'))).toHaveLength(1);
  });

  it('leaves out what can never be taken, and holds nobody else up for it', async () => {
    const base = primaryBase(planWith(2));
    const { memory, snapshots } = bothSites();
    memory.primary.missing.add('d0-primary');
    expect((await untilReady(() => takeSnapshots.run({ request }, { ...base, snapshots }))).output).toEqual({ taken: 1, of: 2 });
  });
});

describe('a recovery point', () => {
  it('counts only copies that are complete, of the same engine and size, and encrypted in the other site', async () => {
    const base = primaryBase(planWith(4));
    const { memory, snapshots } = bothSites();
    const jobs = jobsOf(base.plan, 'primary', request);
    const ids = jobs.map(({ id }) => id);
    for (const { id, instance } of jobs) memory.primary.add(id, { instance });
    memory.recovery.add(ids[0]!, { encrypted: true });
    memory.recovery.add(ids[1]!, { encrypted: false });
    memory.recovery.add(ids[2]!, { encrypted: true, allocatedGb: 10 });
    memory.recovery.add(ids[3]!, { encrypted: true, status: 'creating' });
    const points = new RecoveryPoints(base.ledger);
    await recordRecoveryPoints.run({ request }, { ...base, snapshots, points, manifests: noManifest, instances: noInstances });
    const recorded = [...base.memory.items.values()] as unknown as RecoveryPoint[];
    expect(recorded.map(({ id, standing, copies }) => [id, standing, copies.map(({ site }) => site)])).toEqual([
      [ids[0], 'unverified', ['primary', 'recovery']],
      [ids[1], 'unverified', ['primary']],
      [ids[2], 'unverified', ['primary']],
      [ids[3], 'unverified', ['primary']],
    ]);
  });

  it("is never a snapshot of another instance that has its name, and the run's other ones are recorded", async () => {
    const base = primaryBase(planWith(2));
    const { memory, snapshots } = bothSites();
    const [foreign, own] = jobsOf(base.plan, 'primary', request);
    memory.primary.add(foreign!.id, { instance: 'payroll-primary' });
    memory.primary.add(own!.id, { instance: own!.instance });
    const points = new RecoveryPoints(base.ledger);
    const services = { ...base, snapshots, points, manifests: noManifest, instances: noInstances };
    expect(await recordRecoveryPoints.run({ request }, services)).toEqual({ recorded: 1 });
    expect(await points.find(foreign!)).toBeUndefined();
    const output = await closeBackup.run({ request }, { ...services, tell: async () => {}, put: async () => {} });
    expect(output).toMatchObject({ succeeded: false });
    expect(output.problems).toContain(`${foreign!.id}: no snapshot of ${foreign!.instance} was completed under that name`);
  });

  it('that is recorded again keeps what a verification found', async () => {
    const base = primaryBase(planWith(1));
    const { memory, snapshots } = bothSites();
    const [job] = jobsOf(base.plan, 'primary', request);
    memory.primary.add(job!.id);
    const points = new RecoveryPoints(base.ledger);
    await recordRecoveryPoints.run({ request }, { ...base, snapshots, points, manifests: noManifest, instances: noInstances });
    await points.note(job!, { standing: 'verified' });
    await recordRecoveryPoints.run({ request }, { ...base, snapshots, points, manifests: noManifest, instances: noInstances });
    expect((await points.find(job!))!.standing).toBe('verified');
  });
});
