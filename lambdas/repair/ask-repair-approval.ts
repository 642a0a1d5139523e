import { z } from 'zod';
import { notifier } from '../kit/notify.ts';
import { defineStep } from '../kit/step.ts';
import { comparison, repairRun } from './repairing.ts';

/**
 * Shows a person what would be changed, and lets the machine wait for the answer by task token. The token goes into the ledger and nowhere
 * else; the values lie in the evidence bucket, for who may read it. An answer that does not come in time is a refusal.
 */
export const askRepairApproval = defineStep({
  name: 'ask-repair-approval',
  input: repairRun.extend({ token: z.string().min(1), diff: comparison }),
  throws: [],
  build: () => ({ tell: notifier() }),
  run: async ({ workload, request, token, diff }, { plan, region, incidents, tell, now }) => {
    const { incident, from, reason } = request;
    const expiresAt = new Date(now() + plan.failover.approvalTimeoutMinutes * 60_000).toISOString();
    await incidents.note(incident, workload, { approval: { token, askedAt: new Date(now()).toISOString(), expiresAt } });
    const approve = `npx lifeboat approve ${incident} --workload ${workload} --env ${plan.name} --region ${region}`;
    const { changes, summary, object: values } = diff;
    const refuse = approve.replace('approve', 'refuse');
    await tell(`Approve a repair of ${changes} rows of ${workload}?`, {
      incident,
      workload,
      from,
      reason,
      summary,
      values,
      approve,
      refuse,
      expiresAt,
    });
  },
});
export const handler = askRepairApproval.handler;
