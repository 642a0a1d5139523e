import { NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { keyAlias, otherSite } from '../kit/plan.ts';
import { defineStep } from '../kit/step.ts';
import { askForCopies, underWay } from './ask-for-copies.ts';
import { backupRun, jobsOf, snapshotsOf } from './jobs.ts';

/**
 * Copies each snapshot to the other site, under a key of that region, never more at once than RDS allows there: what finds no room waits
 * for the next try. Waits for all.
 * @throws NotReady while one is on its way or waits.
 */
export const copySnapshots = defineStep({
  name: 'copy-snapshots',
  input: backupRun,
  throws: [NotReady],
  build: ({ plan }) => ({ snapshots: snapshotsOf(plan) }),
  run: async ({ request }, { plan, site, snapshots, now }) => {
    const there = snapshots[otherSite(site)];
    const [own, known] = await Promise.all([snapshots[site].list(), there.list()]);
    const jobs = jobsOf(plan, site, request).filter(({ id }) => own.get(id)?.status === 'available');
    const missing = jobs.filter(({ id }) => !known.has(id));
    const { waiting, refused } = await askForCopies(missing, known, ({ id }) => there.copyFrom(own.get(id)!, keyAlias(plan)), now);
    waiting.push(...underWay(jobs, known));
    if (refused.length > 0) log('copies-refused', { run: request.run, refused });
    if (waiting.length > 0) throw new NotReady(`${waiting.length} of ${jobs.length} copies are not there yet, the first: ${waiting[0]}`);
    return { copied: jobs.filter(({ id }) => known.get(id)?.status === 'available').length, of: jobs.length };
  },
});
export const handler = copySnapshots.handler;
