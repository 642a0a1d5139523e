import { NotReady } from '../kit/errors.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';
import { computeOf } from '../resources/compute.ts';

/**
 * Brings the activated site's compute to its full count. Harmless before the take, since a standby database accepts no write, so it
 * runs beside the promotion.
 * @throws NotReady until that many tasks run.
 */
export const scaleCompute = defineStep({
  name: 'scale-compute',
  input: workloadRun,
  throws: [NotReady],
  build: ({ plan }) => ({ computeFor: (name: string) => computeOf(workloadOf(plan, name)) }),
  run: async ({ workload, request }, { computeFor }) => {
    const scaled = await Promise.all(
      computeFor(workload).map(async ({ adapter, config }) => {
        const { desired, ready } = await adapter.read();
        if (desired < config.activeCount && !request.dryRun) await adapter.scale(config.activeCount);
        return { name: adapter.name, from: desired, to: config.activeCount, ready };
      }),
    );
    if (request.dryRun) return { would: 'scale', scaled };
    const waiting = scaled.filter(({ ready, to }) => ready < to);
    if (waiting.length > 0) throw new NotReady(waiting.map(({ name, ready, to }) => `${name}: ${ready} of ${to} tasks run`).join('; '));
    return { scaled };
  },
});
export const handler = scaleCompute.handler;
