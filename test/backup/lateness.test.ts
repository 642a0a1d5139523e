import { describe, expect, it } from 'vitest';
import { backupPolicy } from '../../environments/backup.ts';
import { copyLateSeconds, lastSuccessAt, lateSeconds, sizeDeviation, unverifiedSeconds } from '../../lambdas/backup/lateness.ts';
import { watchBackups } from '../../lambdas/backup/watch-backups.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { Proofs } from '../../lambdas/verification/proofs.ts';
import { leaseOf, NOW } from '../kit/services.ts';
import { MemorySnapshots, primaryBase } from './memory.ts';

const HOUR_MS = 3_600_000;
const policy = backupPolicy.parse({ tiers: [{ every: 'six-hourly', keepDays: 3 }] });
/** Six hours, half an hour to take, an hour to copy, a quarter of grace. */
const ALLOWED_HOURS = 7.75;

const pointAt = (hoursAgo: number, over: Partial<RecoveryPoint> = {}): RecoveryPoint => {
  const dueAt = new Date(NOW - hoursAgo * HOUR_MS).toISOString();
  const copies = [{ site: 'recovery' as const, region: 'us-west-2', arn: 'a', completedAt: dueAt, encrypted: true }];
  return {
    id: dueAt,
    workload: 'orders',
    database: 'orders',
    tier: 'six-hourly',
    dueAt,
    instance: 'i',
    engine: 'e',
    engineVersion: '1',
    allocatedGb: 1,
    standing: 'unverified',
    copies,
    ...over,
  };
};
const moment = { now: NOW, since: NOW - 1_000 * HOUR_MS, other: 'recovery' };

describe('backups that stop', () => {
  it('are late after interval, timeouts and grace, to the second', () => {
    expect(lateSeconds([pointAt(ALLOWED_HOURS)], policy, moment)).toBe(0);
    expect(lateSeconds([pointAt(ALLOWED_HOURS + 1)], policy, moment)).toBe(3_600);
  });

  it('are late though there are snapshots, when none has a copy in the other site', () => {
    const own = pointAt(1, { copies: [{ site: 'primary', region: 'us-east-1', arn: 'a', completedAt: '', encrypted: false }] });
    expect(lateSeconds([own, pointAt(ALLOWED_HOURS + 1)], policy, moment)).toBe(3_600);
  });

  it('are late from the first sight on, where there never was one, and a point of the future does not help', () => {
    expect(lateSeconds([pointAt(-5)], policy, { ...moment, since: NOW - (ALLOWED_HOURS + 2) * HOUR_MS })).toBe(7_200);
  });
});

describe('a copy that does not come', () => {
  const bare = (hoursAgo: number) =>
    pointAt(hoursAgo, { copies: [{ site: 'primary', region: 'us-east-1', arn: 'a', completedAt: '', encrypted: false }] });
  /** Half an hour to take, an hour to copy, a quarter of grace. */
  const COPY_HOURS = 1.75;

  it('is late after its timeouts and grace, before the next backup would be', () => {
    expect(copyLateSeconds([bare(COPY_HOURS), pointAt(7)], policy, moment)).toBe(0);
    expect(copyLateSeconds([bare(COPY_HOURS + 1), pointAt(8)], policy, moment)).toBe(3_600);
    expect(lateSeconds([bare(COPY_HOURS + 1), pointAt(7)], policy, moment)).toBe(0);
  });

  it('is late since the oldest one that nothing has overtaken', () => {
    expect(copyLateSeconds([bare(COPY_HOURS + 1), bare(COPY_HOURS + 7), pointAt(COPY_HOURS + 13)], policy, moment)).toBe(7 * 3_600);
    expect(copyLateSeconds([pointAt(1), bare(COPY_HOURS + 7)], policy, moment)).toBe(0);
  });

  it('is no success, and neither is one of the future', () => {
    expect(lastSuccessAt([bare(1), pointAt(7), pointAt(-1)], moment)).toBe(NOW - 7 * HOUR_MS);
    expect(lastSuccessAt([bare(1)], moment)).toBeUndefined();
  });
});

describe('proofs that stop', () => {
  it('are overdue after the policy allows', () => {
    const proven = (daysAgo: number) =>
      pointAt(1, {
        standing: 'verified',
        verification: { run: 'r', region: 'x', at: new Date(NOW - daysAgo * 24 * HOUR_MS).toISOString(), checks: [] },
      });
    expect(unverifiedSeconds([proven(7)], policy, moment)).toBe(0);
    expect(unverifiedSeconds([proven(8)], policy, moment)).toBe(86_400);
    expect(unverifiedSeconds([{ ...proven(1), standing: 'failed' }, proven(8)], policy, moment)).toBe(86_400);
  });
});

describe('an odd size', () => {
  it('is measured against the mean of the week before', () => {
    const sized = (hoursAgo: number, sizeBytes: number) => pointAt(hoursAgo, { sizeBytes });
    expect(sizeDeviation([sized(1, 130), sized(7, 90), sized(13, 110), sized(24 * 9, 1)])).toBeCloseTo(0.3);
    expect(sizeDeviation([sized(1, 60), sized(7, 100)])).toBeCloseTo(0.4);
    expect(sizeDeviation([sized(1, 60)])).toBeUndefined();
  });
});

describe('the watch', () => {
  const watch = async (holder: 'primary' | 'recovery', over: object = {}) => {
    const base = primaryBase();
    base.memory.current = leaseOf({ holder });
    base.memory.items.set('recovery-point#watch#orders#orders/since', { at: NOW - 30 * 24 * HOUR_MS });
    let data: readonly Datum[] = [];
    const put = async (given: readonly Datum[]) => {
      data = given;
    };
    const memory = new MemorySnapshots('us-east-1');
    for (const id of ['a', 'b']) memory.add(id, { copying: true });
    const services = {
      snapshots: memory,
      quotas: { manualSnapshots: async () => ({ used: 81, most: 100 }) },
      proofs: new Proofs(base.ledger),
    };
    await watchBackups.run({}, { ...base, points: new RecoveryPoints(base.ledger), put, ...services, ...over });
    return Object.fromEntries(data.map(({ name, value }) => [name, value]));
  };
  const silent = {
    BackupLate: 0,
    BackupCopyLate: 0,
    BackupUnverified: 0,
    BackupSizeDeviation: 0,
    DailyProofOverdue: 0,
    WeeklyProofOverdue: 0,
    MonthlyProofOverdue: 0,
  };
  const quotas = { SnapshotQuotaUsed: 0.81, CopyQuotaUsed: 0.1 };

  it('says how late the active site is, 0 where the workload is not active, and how full the quotas of each region', async () => {
    expect(await watch('primary')).toEqual({
      ...silent,
      ...quotas,
      BackupLate: expect.any(Number),
      BackupUnverified: 23 * 86_400,
      // A week, and the time of two restores with grace.
      WeeklyProofOverdue: 23 * 86_400 - 4.25 * 3_600,
    });
    expect((await watch('primary')).BackupLate).toBeGreaterThan(0);
    expect(await watch('recovery')).toEqual({ ...silent, ...quotas });
  });

  it('is silent on what it could not read, and on nothing else', async () => {
    const unreadable = { manualSnapshots: () => Promise.reject(new Error('denied')) };
    expect(Object.keys(await watch('recovery', { quotas: unreadable }))).toEqual(Object.keys(silent));
    const points = { list: () => Promise.reject(new Error('denied')) };
    expect(await watch('primary', { points })).toEqual(quotas);
  });

  it('says since when all databases have a copy in the other site', async () => {
    const points = { list: async () => [pointAt(3)] };
    expect(await watch('primary', { points })).toMatchObject({ backup_last_success_timestamp_seconds: NOW / 1000 - 3 * 3_600 });
  });
});
