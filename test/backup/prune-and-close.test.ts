import { describe, expect, it } from 'vitest';
import { closeBackup } from '../../lambdas/backup/close-backup.ts';
import { type BackupRequest, jobsOf } from '../../lambdas/backup/jobs.ts';
import { pruneRecoveryPoints } from '../../lambdas/backup/prune-recovery-points.ts';
import { readBackupRequest } from '../../lambdas/backup/read-backup-request.ts';
import { startBackup } from '../../lambdas/backup/start-backup.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import { RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { OWNER_TAG } from '../../lambdas/resources/rds-snapshots.ts';
import { leaseOf, NOW } from '../kit/services.ts';
import { bothSites, primaryBase } from './memory.ts';

const DAY_MS = 86_400_000;
const requestAt = (ageDays: number): BackupRequest => ({
  run: 'run-1',
  tier: 'daily',
  dueAt: new Date(NOW - ageDays * DAY_MS).toISOString(),
  workloads: ['orders'],
});

const history = async (ages: readonly number[]) => {
  const base = primaryBase();
  const { memory, snapshots } = bothSites();
  const points = new RecoveryPoints(base.ledger);
  for (const age of ages) {
    const [job] = jobsOf(base.plan, 'primary', requestAt(age));
    for (const site of [memory.primary, memory.recovery]) site.add(job!.id);
    const copies = (['primary', 'recovery'] as const).map((site) => {
      const { region, known } = memory[site];
      return { site, region, arn: known.get(job!.id)!.arn, completedAt: job!.dueAt, encrypted: true };
    });
    const facts = { instance: job!.instance, engine: 'postgres', engineVersion: '18.4', allocatedGb: 20 };
    const { id, workload, database, tier, dueAt } = job!;
    await points.record({ id, workload, database, tier, dueAt, ...facts, copies });
    await points.note({ id, workload, database, dueAt }, { standing: 'verified' });
  }
  const prune = () => pruneRecoveryPoints.run({ request: requestAt(0) }, { ...base, snapshots, points });
  const listed = base.ledger.list.bind(base.ledger);
  Object.assign(base.ledger, { list: async (pk: string) => (await listed(pk)).reverse() });
  return { base, memory, snapshots, points, prune };
};

describe('pruning', () => {
  it('deletes old snapshots in both sites and records when', async () => {
    const { memory, points, prune } = await history([1, 2, 3, 40]);
    expect(await prune()).toEqual({ removed: 2 });
    expect([...memory.primary.known.keys(), ...memory.recovery.known.keys()]).toHaveLength(6);
    const gone = (await points.list('orders', 'orders')).find(({ dueAt }) => Date.parse(dueAt) < NOW - 30 * DAY_MS)!;
    expect(gone.copies.map(({ deletedAt }) => deletedAt)).toEqual(Array(2).fill(new Date(NOW).toISOString()));
    expect(await prune()).toEqual({ removed: 0 });
  });

  it('records that a copy goes before it goes, and finishes what a run before did not', async () => {
    const { memory, points, prune } = await history([1, 2, 3, 40]);
    const counted = async () => {
      const found = (await points.list('orders', 'orders')).flatMap(({ id, copies }) => copies.map((copy) => ({ id, ...copy })));
      return found.filter(({ deletedAt }) => !deletedAt);
    };
    const isThere = ({ id, site }: { id: string; site: 'primary' | 'recovery' }) => memory[site].known.has(id);
    const denied = async () => Promise.reject(new Error('access denied'));
    Object.assign(points, { note: denied });
    await expect(prune()).rejects.toThrow('access denied');
    expect((await counted()).filter(isThere)).toHaveLength(8);
    Reflect.deleteProperty(points, 'note');
    Object.assign(memory.recovery, { remove: denied });
    await expect(prune()).rejects.toThrow('access denied');
    expect((await counted()).every(isThere)).toBe(true);
    Reflect.deleteProperty(memory.recovery, 'remove');
    const begun = (await points.list('orders', 'orders')).find(({ copies }) => copies.some(({ deletedAt }) => deletedAt))!;
    await points.note(begun, { holdUntil: new Date(NOW + DAY_MS).toISOString() });
    expect(await prune()).toEqual({ removed: 0 });
    await points.note(begun, { holdUntil: new Date(NOW).toISOString() });
    expect(await prune()).toEqual({ removed: 1 });
    expect(await counted()).toHaveLength(6);
    expect([...memory.primary.known.keys(), ...memory.recovery.known.keys()]).toHaveLength(6);
  });

  it('gives what a run before left without a record one, so that retention can let it go', async () => {
    const { base, memory, snapshots, points, prune } = await history([1, 2, 3]);
    const [job] = jobsOf(base.plan, 'primary', requestAt(0.5));
    await snapshots.primary.take(job!.instance, job!.id, job!.tags);
    memory.primary.known.get(job!.id)!.looksLeft = 2;
    await prune();
    expect(await points.find(job!)).toBeUndefined(); // still being made: its own run may be at it
    await prune();
    expect(await points.find(job!)).toMatchObject({ standing: 'unverified', copies: [{ site: 'primary' }] });
    await snapshots.recovery.copyFrom((await snapshots.primary.list()).get(job!.id)!, 'key');
    await points.note(job!, { standing: 'verified' });
    await prune();
    expect(await points.find(job!)).toMatchObject({ standing: 'verified', copies: [{ site: 'primary' }, { site: 'recovery' }] });
    memory.primary.add('lifeboat-demo-backup-of-somebody');
    await prune();
    expect(await points.list('orders', 'orders')).toHaveLength(4);
  });

  it('deletes what RDS could not complete a week after it was due, and no such snapshot of another database', async () => {
    const { memory, prune } = await history([1, 2]);
    const dueAt = (days: number) => new Date(NOW - days * DAY_MS).toISOString();
    const failed = (id: string, days: number, database = 'orders') => {
      const tags = {
        [OWNER_TAG]: 'demo-backup',
        'lifeboat:workload': 'orders',
        'lifeboat:database': database,
        'lifeboat:due-at': dueAt(days),
      };
      memory.recovery.add(`lifeboat-demo-backup-${id}`, { status: 'failed', tags });
    };
    failed('old', 8);
    failed('young', 6);
    failed('foreign', 8, 'other');
    expect(await prune()).toEqual({ removed: 1 });
    const left = [...memory.recovery.known.keys()].filter((id) => /old|young|foreign/.test(id));
    expect(left).toEqual(['lifeboat-demo-backup-young', 'lifeboat-demo-backup-foreign']);
  });

  it('files away what is gone for long, and nothing of which anything may be left', async () => {
    const { base, memory, points, prune } = await history([1, 2, 3, 34, 40, 41, 42]);
    const [inVault, keptByHand] = (await points.list('orders', 'orders')).slice(0, 2);
    await points.note(inVault!, { vault: { account: '210987654321', region: 'us-west-2', arn: 'copy', completedAt: inVault!.dueAt } });
    const undeletable = memory.recovery.known.get(keptByHand!.id)!;
    await prune();
    memory.recovery.known.set(keptByHand!.id, undeletable);
    memory.recovery.known.get(keptByHand!.id)!.tags[OWNER_TAG] = 'another';
    expect(await points.list('orders', 'orders')).toHaveLength(7);
    await prune();
    const ages = (await points.list('orders', 'orders')).map(({ dueAt }) => (NOW - Date.parse(dueAt)) / DAY_MS);
    expect(ages.sort((a, b) => a - b)).toEqual([1, 2, 3, 34, 41, 42]);
    const past = await base.ledger.list('past-recovery-point#orders#orders');
    expect(past).toMatchObject([{ database: 'orders', copies: [{ deletedAt: expect.any(String) }, { deletedAt: expect.any(String) }] }]);
  });

  it('touches no snapshot whose tags or ARN are not those of the ledger', async () => {
    const { memory, prune } = await history([1, 2, 3, 40]);
    const oldest = [...memory.primary.known.keys()].at(-1)!;
    memory.primary.known.get(oldest)!.tags[OWNER_TAG] = 'another';
    memory.recovery.known.get(oldest)!.arn = 'another';
    await prune();
    expect(memory.primary.known.has(oldest)).toBe(true);
    expect(memory.recovery.known.has(oldest)).toBe(true);
  });

  it('does not count what somebody else deleted', async () => {
    const { memory, prune } = await history([1, 2, 40]);
    const [newest] = memory.primary.known.keys();
    memory.primary.known.delete(newest!);
    memory.recovery.known.delete(newest!);
    expect(await prune()).toEqual({ removed: 0 });
  });
});

describe('closing', () => {
  it('fails, names and tells a database without a copy in the other site', async () => {
    const { base, points } = await history([0]);
    const [point] = await points.list('orders', 'orders');
    await points.note(point!, { copies: point!.copies.slice(0, 1) });
    const told: string[] = [];
    const tell = async (subject: string) => void told.push(subject);
    const data: Datum[] = [];
    const put = async (given: readonly Datum[]) => void data.push(...given);
    await points.note(point!, { sizeBytes: 7 });
    const output = await closeBackup.run({ request: requestAt(0) }, { ...base, points, tell, put });
    const problem = `${point!.id}: no sound copy in site 'recovery'`;
    expect(output).toMatchObject({ succeeded: false, good: 0, cause: problem, problems: [problem] });
    expect(told).toEqual(['1 backups failed']);
    expect(Object.fromEntries(data.map(({ name, value }) => [name, value]))).toEqual({
      backup_success_rate: 0,
      backup_duration_seconds: 0,
      backup_size_bytes: 7,
    });
  });
});

describe('starting', () => {
  const schedule = { tier: 'daily' as const, at: '02:15', timeZone: 'UTC', dueAt: '2026-11-20T02:15:00Z' };

  it('is one run for one due time, where the workload is active, and nothing elsewhere', async () => {
    const started: string[] = [];
    const start = async (name: string): Promise<'known' | 'started'> => {
      const known = started.includes(name);
      if (!known) started.push(name);
      return known ? 'known' : 'started';
    };
    const base = primaryBase();
    expect(await startBackup.run(schedule, { ...base, start })).toEqual({ decision: 'started', because: 'daily-0215-UTC-202611200215' });
    expect(await startBackup.run(schedule, { ...base, start })).toMatchObject({ decision: 'known' });
    const standby = primaryBase();
    standby.memory.current = leaseOf({ holder: 'recovery' });
    expect(await startBackup.run(schedule, { ...standby, start })).toMatchObject({ decision: 'nothing to do' });
    expect(started).toHaveLength(1);
  });

  it('takes {} from the console, and refuses what it cannot do with the field named', async () => {
    const execution = { name: 'by-hand', startedAt: '2026-11-20T12:00:00Z' };
    const base = primaryBase();
    expect(await readBackupRequest.run({ execution, given: {} }, base)).toEqual({
      request: { run: 'by-hand', tier: 'six-hourly', dueAt: '2026-11-20T12:00:00.000Z', workloads: ['orders'] },
    });
    await expect(readBackupRequest.run({ execution, given: { tier: 'yearly' } }, base)).rejects.toThrow(/^tier: /);
    await expect(readBackupRequest.run({ execution, given: { workloads: ['billing'] } }, base)).rejects.toThrow(InvalidRequest);
    await expect(readBackupRequest.run({ execution, given: { tier: 'hourly' } }, base)).rejects.toThrow('tier: no database');
  });

  it('takes nothing that is due in the future: it would be the newest one until then', async () => {
    const execution = { name: 'by-hand', startedAt: '2026-11-20T12:00:00.000Z' };
    const due = (dueAt: string) => readBackupRequest.run({ execution, given: { dueAt } }, primaryBase());
    await expect(due('2099-01-01T00:00:00Z')).rejects.toThrow(
      /^dueAt: is 2099-01-01T00:00:00.000Z, after this run's start at 2026-11-20T12/,
    );
    await expect(due('2026-11-20T13:01:01+01:00')).rejects.toThrow(InvalidRequest);
    // A clock that is a little ahead.
    expect((await due('2026-11-20T13:01:00+01:00')).request.dueAt).toBe('2026-11-20T12:01:00.000Z');
  });
});
