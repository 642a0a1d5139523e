import { z } from 'zod';
import { asCause } from '../kit/cause.ts';
import { defineStep, runRequest } from '../kit/step.ts';

const result = z.object({
  workload: z.string(),
  outcome: z.enum(['recovered', 'dry-run', 'aborted', 'interrupted', 'unknown']),
  detail: z.string().optional(),
});

/** The run's end: it succeeded only if every workload did. `reason` names those that did not; it is the failed execution's cause. */
export const settleRun = defineStep({
  name: 'settle-run',
  input: z.strictObject({ request: runRequest, results: z.array(z.array(result.loose())) }),
  throws: [],
  build: () => ({}),
  run: async ({ request, results }) => {
    const workloads = results.flat();
    const bad = workloads.filter(({ outcome }) => outcome !== 'recovered' && !(request.dryRun && outcome === 'dry-run'));
    const reasons = bad.map(({ workload, outcome, detail }) => `${workload}: ${outcome}${detail ? `: ${detail}` : ''}`);
    const reason = workloads.length === 0 ? 'no workload was worked on' : asCause(...reasons);
    return { incident: request.incident, succeeded: reason === '', reason, workloads };
  },
});
export const handler = settleRun.handler;
