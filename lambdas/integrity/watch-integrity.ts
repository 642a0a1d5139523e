import { z } from 'zod';
import { type Datum, metricWriter, type PutMetrics } from '../kit/metrics.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { CheckRecords, checksOf, newRecord, recordName, watchedDatabases } from './check-records.ts';

/** A watch may come up to a minute late: what failed and was mended between two of them is counted by the next all the same. */
const COUNTED_FOR_MS = 120_000;

interface Services {
  records: CheckRecords;
  put: PutMetrics;
}

/**
 * Says of each workload how many checks that this site makes have failed, and how long the longest is overdue: not through everything for
 * longer than its policy allows. A check that cannot run ends there, never among the failed. What cannot be read is not put: silence alarms.
 */
export const watchIntegrity = defineStep({
  name: 'watch-integrity',
  input: z.strictObject({}),
  throws: [],
  build: ({ plan, ledger }): Services => ({ records: new CheckRecords(ledger), put: metricWriter(plan.name) }),
  run: async (_, services) => {
    const workloads = [...new Set(watchedDatabases(services.plan).map(({ workload }) => workload))];
    const data = (await Promise.all(workloads.map((workload) => readWorkload(workload, services)))).flat();
    await services.put(data);
    return { data };
  },
});
export const handler = watchIntegrity.handler;

const readWorkload = async (workload: string, { plan, site, ledger, records, now }: Base & Services): Promise<Datum[]> => {
  const lease = await ledger.lease(workload);
  let failed = 0;
  let overdue = 0;
  for (const watched of watchedDatabases(plan).filter((each) => lease && each.workload === workload)) {
    const known = await records.list(watched);
    for (const check of checksOf(watched.policy, lease?.holder === site)) {
      const name = recordName(check, site);
      const record = known.get(name);
      if (!record) await records.expect(watched, newRecord(name, now()));
      const { verdict, since, lastFailedAt = '', lastConcludedAt = since } = record ?? newRecord(name, now());
      if (verdict === 'failed' || now() - Date.parse(lastFailedAt) < COUNTED_FOR_MS) failed++;
      overdue = Math.max(overdue, (now() - Date.parse(lastConcludedAt)) / 1_000 - watched.policy.overdueAfterMinutes * 60);
    }
  }
  return [
    { name: 'IntegrityFailed', value: failed, workload, unit: 'Count' },
    { name: 'IntegrityOverdue', value: overdue, workload, unit: 'Seconds' },
  ];
};
