import { z } from 'zod';
import { type Datum, metricWriter } from '../kit/metrics.ts';
import { otherSite, type Workload } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { lateSeconds, sizeDeviation, unverifiedSeconds } from './lateness.ts';

/**
 * Says of each workload how late its backups and their proofs are, and how odd the newest one's size is. The site that is not active says 0,
 * so that silence is always an alarm. What cannot be read is not put: that is silence too.
 */
export const watchBackups = defineStep({
  name: 'watch-backups',
  input: z.strictObject({}),
  throws: [],
  build: ({ plan, ledger }) => ({ points: new RecoveryPoints(ledger), put: metricWriter(plan.name) }),
  run: async (_, services) => {
    const { plan, put } = services;
    const watched = plan.workloads.filter(({ databases }) => databases.some(({ backup }) => backup));
    const data = (await Promise.all(watched.map((workload) => readWorkload(workload, services)))).flat();
    await put(data);
    return { data };
  },
});
export const handler = watchBackups.handler;

const readWorkload = async ({ name, databases }: Workload, services: Base & { points: RecoveryPoints }): Promise<Datum[]> => {
  const { site, ledger, points, now } = services;
  const active = (await ledger.lease(name))?.holder === site;
  let [late, unverified, deviation] = [0, 0, 0];
  for (const { name: database, backup } of databases) {
    if (!active || !backup) continue;
    const known = await points.list(name, database);
    const moment = { now: now(), since: await firstWatchedAt(services, name, database), other: otherSite(site) };
    late = Math.max(late, lateSeconds(known, backup, moment));
    unverified = Math.max(unverified, unverifiedSeconds(known, backup, moment));
    deviation = Math.max(deviation, sizeDeviation(known) ?? 0);
  }
  return [
    { name: 'BackupLate', value: late, workload: name, unit: 'Seconds' },
    { name: 'BackupUnverified', value: unverified, workload: name, unit: 'Seconds' },
    { name: 'BackupSizeDeviation', value: deviation, workload: name },
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
