import { z } from 'zod';
import { messageIn } from '../kit/errors.ts';
import { gatherRecord, recordWriter } from '../kit/evidence.ts';
import { notifier } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep } from '../kit/step.ts';
import { comparison, repairRun } from './repairing.ts';

const outcome = z.object({
  diff: comparison.optional(),
  applied: z.object({ carriedOver: z.number().optional(), already: z.boolean().optional(), would: z.string().optional() }).optional(),
  failure: z.object({ Error: z.string(), Cause: z.string().default('') }).optional(),
});

/** Of the reason, which may name keys: what a person reads. */
const LONGEST_DETAIL = 1_000;

/**
 * Ends a repair: says what was carried over, or why nothing was; writes the record, tells people. Nothing restored is deleted. `cause` is
 * the failed execution's.
 */
export const closeRepair = defineStep({
  name: 'close-repair',
  input: repairRun.extend({ outcome }),
  throws: [],
  build: () => ({ tell: notifier(), save: recordWriter() }),
  run: async ({ workload, request, outcome: { diff, applied, failure } }, { plan, incidents, tell, save, now }) => {
    const { incident, from, reason, dryRun } = request;
    const detail = failure && `${failure.Error}: ${messageIn(failure.Cause).slice(0, LONGEST_DETAIL)}`;
    const changes = diff?.changes ?? null;
    const facts = { incident, workload, from, reason, changes, summary: diff?.summary, carriedOver: applied?.carriedOver ?? 0, detail };
    const succeeded = failure === undefined;
    const cause = detail ?? '';
    if (dryRun) return { ...facts, succeeded, cause, dryRun: true };
    if (await incidents.find(incident, workload)) {
      const closedAt = new Date(now()).toISOString();
      await incidents.note(incident, workload, { outcome: succeeded ? 'recovered' : 'aborted', closedAt, detail });
      await save(await gatherRecord(incidents, incident, workload, workloadOf(plan, workload).objectives));
    }
    await tell(`${workload}: ${succeeded ? `${facts.carriedOver} rows repaired` : 'a repair did not end well'}`, {
      ...facts,
      values: diff?.object,
    });
    return { ...facts, succeeded, cause };
  },
});
export const handler = closeRepair.handler;
