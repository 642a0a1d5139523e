import { NotReady } from '../kit/errors.ts';
import { ask } from '../kit/http.ts';
import { urlOf, workloadOf } from '../kit/plan.ts';
import { defineStep } from '../kit/step.ts';
import { restoreRun } from './restoring.ts';

const TIMEOUT_MS = 4_000;

/** Writes through the public name, as clients do. This stops the clock of the RTO. @throws NotReady until that is accepted. */
export const verifyWrites = defineStep({
  name: 'verify-writes',
  input: restoreRun,
  throws: [NotReady],
  build: () => ({ post: ask }),
  run: async ({ workload: name, request }, { plan, incidents, post, now }) => {
    const workload = workloadOf(plan, name);
    const url = urlOf(workload, workload.endpoint.writePath);
    if (request.dryRun) return { would: `POST ${url}` };
    const answer = await post(url, { method: 'POST', timeoutMs: TIMEOUT_MS });
    if (answer.kind === 'silent') throw new NotReady(`${url} does not answer: ${answer.reason}`);
    if (answer.status < 200 || answer.status >= 300) throw new NotReady(`${url} answered ${answer.status}`);
    const verifiedAt = new Date(now()).toISOString();
    await incidents.note(request.incident, name, { verifiedAt });
    return { verifiedAt };
  },
});
export const handler = verifyWrites.handler;
