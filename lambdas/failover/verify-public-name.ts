import { NotReady } from '../kit/errors.ts';
import { ask } from '../kit/http.ts';
import { urlOf, workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

const TIMEOUT_MS = 4_000;

/**
 * Writes through the public name, as clients do. Only the new site can accept a write, so a 2xx also says that the name leads there.
 * This stops the clock of the RTO.
 * @throws NotReady until then.
 */
export const verifyPublicName = defineStep({
  name: 'verify-public-name',
  input: workloadRun,
  throws: [NotReady],
  build: () => ({ request: ask }),
  run: async ({ workload: name, request: run }, { plan, request, now }) => {
    const workload = workloadOf(plan, name);
    const url = urlOf(workload, workload.endpoint.writePath);
    if (run.dryRun) return { would: `POST ${url}` };
    const answer = await request(url, { method: 'POST', timeoutMs: TIMEOUT_MS });
    if (answer.kind === 'silent') throw new NotReady(`${url} does not answer: ${answer.reason}`);
    if (answer.status < 200 || answer.status >= 300)
      throw new NotReady(`${url} answered ${answer.status}: it may still lead to the other site`);
    return { verifiedAt: new Date(now()).toISOString() };
  },
});
export const handler = verifyPublicName.handler;
