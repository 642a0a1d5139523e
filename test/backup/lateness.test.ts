import { describe, expect, it } from 'vitest';
import { backupPolicy } from '../../environments/backup.ts';
import { lateSeconds, sizeDeviation, unverifiedSeconds } from '../../lambdas/backup/lateness.ts';
import { watchBackups } from '../../lambdas/backup/watch-backups.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import { type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { leaseOf, NOW } from '../kit/services.ts';
import { primaryBase } from './memory.ts';

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
  const watch = async (holder: 'primary' | 'recovery') => {
    const base = primaryBase();
    base.memory.current = leaseOf({ holder });
    base.memory.items.set('recovery-point#watch#orders#orders/since', { at: NOW - 30 * 24 * HOUR_MS });
    let data: readonly Datum[] = [];
    const put = async (given: readonly Datum[]) => {
      data = given;
    };
    await watchBackups.run({}, { ...base, points: new RecoveryPoints(base.ledger), put });
    return Object.fromEntries(data.map(({ name, value }) => [name, value > 0]));
  };

  it('says how late the active site is, and 0 where the workload is not active', async () => {
    expect(await watch('primary')).toEqual({ BackupLate: true, BackupUnverified: true, BackupSizeDeviation: false });
    expect(await watch('recovery')).toEqual({ BackupLate: false, BackupUnverified: false, BackupSizeDeviation: false });
  });
});
