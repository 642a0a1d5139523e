import { asCause } from '../kit/cause.ts';
import { metricWriter } from '../kit/metrics.ts';
import { notifier } from '../kit/notify.ts';
import { otherSite } from '../kit/plan.ts';
import { type RecoveryPoint, RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import { backupRun, isForVault, type Job, jobsOf } from './jobs.ts';

/** What a pager shows of many. */
const TOLD = 20;

/** Ends a backup run: it succeeded only if each database has a recovery point with every copy that its policy asks for. Others are named, and told. */
export const closeBackup = defineStep({
  name: 'close-backup',
  input: backupRun,
  throws: [],
  build: ({ plan, ledger }) => ({ points: new RecoveryPoints(ledger), tell: notifier(), put: metricWriter(plan.name) }),
  run: async ({ request }, { plan, site, points, tell, put, now }) => {
    const jobs = jobsOf(plan, site, request);
    const problems: string[] = [];
    const bytes = new Map<string, number>();
    for (const job of jobs) {
      const point = await points.find(job);
      const problem = problemOf(job, point, otherSite(site));
      if (problem) problems.push(problem);
      if (point?.sizeBytes !== undefined) bytes.set(job.workload, (bytes.get(job.workload) ?? 0) + point.sizeBytes);
    }
    const good = jobs.length - problems.length;
    await put(
      request.workloads.flatMap((workload) => {
        const own = jobs.filter((job) => job.workload === workload);
        const bad = own.filter(({ id }) => problems.some((problem) => problem.startsWith(`${id}: `)));
        return [
          { name: 'backup_success_rate', value: own.length === 0 ? 1 : 1 - bad.length / own.length, workload },
          { name: 'backup_duration_seconds', value: (now() - Date.parse(request.dueAt)) / 1000, workload, unit: 'Seconds' as const },
          ...(bytes.has(workload) ? [{ name: 'backup_size_bytes', value: bytes.get(workload)!, workload, unit: 'Bytes' as const }] : []),
        ];
      }),
    );
    if (problems.length > 0) await tell(`${problems.length} backups failed`, { run: request.run, good, problems: problems.slice(0, TOLD) });
    return { run: request.run, succeeded: problems.length === 0, good, cause: asCause(...problems), problems: problems.slice(0, TOLD) };
  },
});
export const handler = closeBackup.handler;

const problemOf = (job: Job, point: RecoveryPoint | undefined, other: string): string | undefined => {
  if (!point) return `${job.id}: no snapshot of ${job.instance} was completed under that name`;
  if (!point.copies.some(({ site }) => site === other)) return `${job.id}: no sound copy in site '${other}'`;
  if (isForVault(job) && !point.vault) return `${job.id}: no copy in the vault's account`;
  return undefined;
};
