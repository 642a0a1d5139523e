import { NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { defineStep } from '../kit/step.ts';
import { atMost, backupRun, type Job, jobsOf, snapshotsOf } from './jobs.ts';

/** Begins no request after this: an invocation is short, the machine asks again. */
const BUDGET_MS = 20_000;
const AT_ONCE = 8;

/**
 * Asks for the snapshots that are not there yet, and waits for all. What cannot be taken now, for another backup or a quota, is asked for
 * again at the next try: the queue is what the list lacks. What can never be taken is left out, and `close-backup` names it.
 * @throws NotReady while one is being made or waits.
 */
export const takeSnapshots = defineStep({
  name: 'take-snapshots',
  input: backupRun,
  throws: [NotReady],
  build: ({ plan }) => ({ snapshots: snapshotsOf(plan) }),
  run: async ({ request }, { plan, site, snapshots, now }) => {
    const here = snapshots[site];
    const jobs = jobsOf(plan, site, request);
    const known = await here.list();
    const waiting: string[] = [];
    const refused: string[] = [];
    const ask = async ({ instance, id, tags }: Job): Promise<void> => {
      const answer = await here.take(instance, id, tags);
      if (answer.kind === 'asked') waiting.push(`${id} is being made`);
      if (answer.kind === 'wait') waiting.push(`${id} waits: ${answer.because}`);
      if (answer.kind === 'refused') refused.push(`${id}: ${answer.because}`);
    };
    const missing = jobs.filter(({ id }) => !known.has(id));
    const later = await atMost(missing, { atOnce: AT_ONCE, until: now() + BUDGET_MS, now }, ask);
    waiting.push(...later.map(({ id }) => `${id} waits for its turn`));
    waiting.push(
      ...jobs.filter(({ id }) => ['creating', 'unknown'].includes(known.get(id)?.status ?? '')).map(({ id }) => `${id} is being made`),
    );
    if (refused.length > 0) log('snapshots-refused', { run: request.run, refused });
    if (waiting.length > 0) throw new NotReady(`${waiting.length} of ${jobs.length} snapshots are not there yet, the first: ${waiting[0]}`);
    return { taken: jobs.filter(({ id }) => known.get(id)?.status === 'available').length, of: jobs.length };
  },
});
export const handler = takeSnapshots.handler;
