import { z } from 'zod';
import { proofNames } from '../../environments/backup.ts';
import { log } from '../kit/log.ts';
import { type Datum, metricWriter, type PutMetrics } from '../kit/metrics.ts';
import { otherSite, type Workload } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { RdsQuotas } from '../resources/rds-quotas.ts';
import { COPIES_AT_ONCE, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { overdueSeconds, Proofs } from '../verification/proofs.ts';
import { copyLateSeconds, lastSuccessAt, lateSeconds, sizeDeviation, unverifiedSeconds } from './lateness.ts';

interface Services {
  points: RecoveryPoints;
  proofs: Pick<Proofs, 'list'>;
  /** Of this region. */
  snapshots: Pick<RdsSnapshots, 'list'>;
  quotas: Pick<RdsQuotas, 'manualSnapshots'>;
}

/**
 * Says of each workload how late its backups, their copies and their proofs are, and how odd the newest one's size is; and of this region how
 * much of its quotas is used. The site that is not active says 0, so that silence is always an alarm. What cannot be read is not put: that is
 * silence too.
 */
export const watchBackups = defineStep({
  name: 'watch-backups',
  input: z.strictObject({}),
  throws: [],
  build: ({ plan, ledger, region }): Services & { put: PutMetrics } => ({
    points: new RecoveryPoints(ledger),
    proofs: new Proofs(ledger),
    snapshots: new RdsSnapshots(region, plan.name),
    quotas: new RdsQuotas(),
    put: metricWriter(plan.name),
  }),
  run: async (_, services) => {
    const { plan, put } = services;
    const watched = plan.workloads.filter(({ databases }) => databases.some(({ backup }) => backup));
    const parts = [...watched.map((workload) => () => readWorkload(workload, services)), () => readQuotas(services)];
    const read = await Promise.allSettled(parts.map((part) => part()));
    const data = read.flatMap((part) => (part.status === 'fulfilled' ? part.value : []));
    await put(data);
    const unread = read.filter((part) => part.status === 'rejected').map(({ reason }) => String(reason));
    if (unread.length > 0) log('backups-not-read', { unread });
    return { data, unread: unread.length };
  },
});
export const handler = watchBackups.handler;

const readWorkload = async ({ name, databases }: Workload, services: Base & Services): Promise<Datum[]> => {
  const { site, ledger, points, proofs, now } = services;
  const active = (await ledger.lease(name))?.holder === site;
  let [late, copyLate, unverified, deviation] = [0, 0, 0, 0];
  const overdue = { daily: 0, weekly: 0, monthly: 0 };
  const successes: (number | undefined)[] = [];
  for (const { name: database, backup } of databases) {
    if (!active || !backup) continue;
    const [known, proven] = await Promise.all([points.list(name, database), proofs.list(name, database)]);
    const moment = { now: now(), since: await firstWatchedAt(services, name, database), site, other: otherSite(site) };
    const behind = overdueSeconds(known, proven, backup, moment);
    for (const proof of proofNames) overdue[proof] = Math.max(overdue[proof], behind[proof]);
    late = Math.max(late, lateSeconds(known, backup, moment));
    copyLate = Math.max(copyLate, copyLateSeconds(known, backup, moment));
    unverified = Math.max(unverified, unverifiedSeconds(known, backup, moment));
    deviation = Math.max(deviation, sizeDeviation(known) ?? 0);
    successes.push(lastSuccessAt(known, moment));
  }
  // Of the database that is furthest behind; where one has none at all there is nothing to say.
  const last = successes.length > 0 && successes.every((at) => at !== undefined) ? Math.min(...successes) : undefined;
  return [
    { name: 'BackupLate', value: late, workload: name, unit: 'Seconds' },
    { name: 'BackupCopyLate', value: copyLate, workload: name, unit: 'Seconds' },
    { name: 'BackupUnverified', value: unverified, workload: name, unit: 'Seconds' },
    { name: 'BackupSizeDeviation', value: deviation, workload: name },
    { name: 'DailyProofOverdue', value: overdue.daily, workload: name, unit: 'Seconds' },
    { name: 'WeeklyProofOverdue', value: overdue.weekly, workload: name, unit: 'Seconds' },
    { name: 'MonthlyProofOverdue', value: overdue.monthly, workload: name, unit: 'Seconds' },
    ...(last === undefined
      ? []
      : [{ name: 'backup_last_success_timestamp_seconds', value: last / 1000, workload: name, unit: 'Seconds' as const }]),
  ];
};

/** As parts of what the account may have in this region: manual snapshots of whomever, and Lifeboat's own copies on their way. */
const readQuotas = async ({ snapshots, quotas }: Services): Promise<Datum[]> => {
  const [manual, known] = await Promise.all([quotas.manualSnapshots(), snapshots.list()]);
  const copying = [...known.values()].filter((each) => each.copying).length;
  return [
    ...(manual ? [{ name: 'SnapshotQuotaUsed', value: manual.used / manual.most }] : []),
    { name: 'CopyQuotaUsed', value: copying / COPIES_AT_ONCE },
  ];
};

/** When this policy was first seen: a database without any recovery point is late from then on. */
const firstWatchedAt = async ({ ledger, now }: Base, workload: string, database: string): Promise<number> => {
  const key = { pk: `recovery-point#watch#${workload}#${database}`, sk: 'since' };
  const known = await ledger.get(key);
  if (known) return Number(known.at);
  await ledger.put({ ...key, at: now() }, 'attribute_not_exists(pk)');
  return now();
};
