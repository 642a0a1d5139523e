import { z } from 'zod';
import { notifier } from '../kit/notify.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

/**
 * Asks a person, and lets the machine wait for the answer by task token. The token goes into the ledger and nowhere else; people are
 * told how to answer. An answer that does not come in time is the state's timeout, and that is a refusal.
 */
export const askApproval = defineStep({
  name: 'ask-approval',
  input: workloadRun.extend({ token: z.string().min(1), lag: z.unknown() }),
  throws: [],
  build: () => ({ tell: notifier() }),
  run: async ({ workload, request, token, lag }, { plan, region, incidents, tell, now }) => {
    const askedAt = new Date(now()).toISOString();
    const expiresAt = new Date(now() + plan.failover.approvalTimeoutMinutes * 60_000).toISOString();
    await incidents.note(request.incident, workload, { approval: { token, askedAt, expiresAt } });
    const answer = `npx lifeboat approve ${request.incident} --workload ${workload} --env ${plan.name} --region ${region}`;
    await tell(`Approve ${request.mode} of ${workload}?`, {
      incident: request.incident,
      workload,
      reason: request.reason,
      lag,
      approve: answer,
      refuse: answer.replace('approve', 'refuse'),
      expiresAt,
    });
  },
});
export const handler = askApproval.handler;
