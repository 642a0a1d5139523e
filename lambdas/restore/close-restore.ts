import { z } from 'zod';
import { notifier } from '../kit/notify.ts';
import { defineStep } from '../kit/step.ts';
import { standingOf } from '../verification/record-verification.ts';
import { restoredName, restoreRun } from './restoring.ts';

const check = z.object({ check: z.string(), verdict: z.enum(['passed', 'failed', 'unknown']), detail: z.string().optional() });
const outcome = z.object({
  inspected: z
    .object({
      endpoint: z.string().optional(),
      reachesTo: z.string().nullish(),
      restoreSeconds: z.number().nullish(),
      checks: z.array(check).default([]),
      settings: z.array(z.string()).default([]),
    })
    .optional(),
  failure: z.object({ Error: z.string(), Cause: z.string().default('') }).optional(),
});

/**
 * Ends a restore: hands the endpoint over with what is known of it. It succeeded only if every check passed and every setting is as it was.
 * What was restored stays where it is, also then: what to do with it is a person's call.
 */
export const closeRestore = defineStep({
  name: 'close-restore',
  input: restoreRun.extend({ outcome }),
  throws: [],
  build: () => ({ tell: notifier() }),
  run: async ({ workload, request, outcome: { inspected, failure } }, { plan, tell }) => {
    const { point, why, lostSeconds, reason } = request;
    const facts = { incident: request.incident, workload, recoveryPoint: point.id, why, lostSeconds, reason };
    if (request.dryRun) return { ...facts, succeeded: failure === undefined, dryRun: true };
    const standing = standingOf(inspected?.checks ?? []);
    const succeeded = standing === 'verified' && inspected?.settings.length === 0;
    const bad = inspected?.checks.filter(({ verdict }) => verdict !== 'passed');
    const detail = failure && `${failure.Error}: ${failure.Cause.slice(0, 300)}`;
    const { endpoint, restoreSeconds, reachesTo, settings } = inspected ?? {};
    const result = {
      ...facts,
      succeeded,
      instance: restoredName(plan, request),
      endpoint,
      restoreSeconds,
      reachesTo,
      settings,
      checks: bad,
      detail,
    };
    await tell(`${workload}: restored ${succeeded ? 'and checked' : 'with problems'}`, result);
    return result;
  },
});
export const handler = closeRestore.handler;
