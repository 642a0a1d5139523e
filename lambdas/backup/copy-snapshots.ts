import { NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { keyAlias, otherSite } from '../kit/plan.ts';
import { defineStep } from '../kit/step.ts';
import { COPIES_AT_ONCE } from '../resources/rds-snapshots.ts';
import { atMost, backupRun, type Job, jobsOf, snapshotsOf } from './jobs.ts';

const BUDGET_MS = 20_000;
const AT_ONCE = 4;

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
    const room = Math.max(0, COPIES_AT_ONCE - [...known.values()].filter(({ copying }) => copying).length);
    const waiting = missing.slice(room).map(({ id }) => `${id} waits for room among ${COPIES_AT_ONCE} copies`);
    const refused: string[] = [];
    const ask = async ({ id }: Job): Promise<void> => {
      const answer = await there.copyFrom(own.get(id)!, keyAlias(plan));
      if (answer.kind === 'asked') waiting.push(`${id} is being copied`);
      if (answer.kind === 'wait') waiting.push(`${id} waits: ${answer.because}`);
      if (answer.kind === 'refused') refused.push(`${id}: ${answer.because}`);
    };
    const later = await atMost(missing.slice(0, room), { atOnce: AT_ONCE, until: now() + BUDGET_MS, now }, ask);
    waiting.push(...later.map(({ id }) => `${id} waits for its turn`));
    waiting.push(
      ...jobs.filter(({ id }) => ['creating', 'unknown'].includes(known.get(id)?.status ?? '')).map(({ id }) => `${id} is being copied`),
    );
    if (refused.length > 0) log('copies-refused', { run: request.run, refused });
    if (waiting.length > 0) throw new NotReady(`${waiting.length} of ${jobs.length} copies are not there yet, the first: ${waiting[0]}`);
    return { copied: jobs.filter(({ id }) => known.get(id)?.status === 'available').length, of: jobs.length };
  },
});
export const handler = copySnapshots.handler;
