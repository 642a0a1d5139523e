import { z } from 'zod';
import { defineStep, runRequest } from '../kit/step.ts';

const result = z.object({ workload: z.string(), outcome: z.enum(['recovered', 'dry-run', 'aborted', 'interrupted', 'unknown']) });

/** The run's end: it succeeded only if every workload did. */
export const settleRun = defineStep({
  name: 'settle-run',
  input: z.strictObject({ request: runRequest, results: z.array(z.array(result.loose())) }),
  throws: [],
  build: () => ({}),
  run: async ({ request, results }) => {
    const workloads = results.flat();
    const good =
      workloads.length > 0 && workloads.every(({ outcome }) => outcome === 'recovered' || (request.dryRun && outcome === 'dry-run'));
    return { incident: request.incident, succeeded: good, workloads };
  },
});
export const handler = settleRun.handler;
