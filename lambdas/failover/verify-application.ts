import { NotReady } from '../kit/errors.ts';
import { ask } from '../kit/http.ts';
import { urlOf, workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

const TIMEOUT_MS = 4_000;

/**
 * Writes through the application of the activated site, at that site's own load balancer: traffic goes only to what has taken a write.
 * @throws NotReady until it answers 2xx.
 */
export const verifyApplication = defineStep({
  name: 'verify-application',
  input: workloadRun,
  throws: [NotReady],
  build: () => ({ request: ask }),
  run: async ({ workload: name, request: run }, { plan, site, request, now }) => {
    const workload = workloadOf(plan, name);
    const url = urlOf(workload, workload.endpoint.writePath, site);
    if (run.dryRun) return { would: `POST ${url}` };
    const answer = await request(url, { method: 'POST', timeoutMs: TIMEOUT_MS });
    if (answer.kind === 'silent') throw new NotReady(`${url} does not answer: ${answer.reason}`);
    if (answer.status < 200 || answer.status >= 300) throw new NotReady(`${url} answered ${answer.status}`);
    return { writtenAt: new Date(now()).toISOString(), milliseconds: answer.milliseconds };
  },
});
export const handler = verifyApplication.handler;
