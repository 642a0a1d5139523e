import { z } from 'zod';
import { Approvals, questionOf } from '../kit/approvals.ts';
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
  run: async ({ workload, request, token, diff }, { plan, region, ledger, incidents, tell, now }) => {
    const { incident, from, reason } = request;
    const because = `${diff.changes} rows would be changed`;
    const time = { now: now(), withinSeconds: plan.failover.approvalTimeoutMinutes * 60 };
    const question = questionOf({ token, mode: 'repair', reason, because }, time);
    await new Approvals(ledger, incidents).ask(incident, workload, question);
    const approve = `npx lifeboat approve ${incident} --workload ${workload} --env ${plan.name} --region ${region} --reason "..."`;
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
      expiresAt: question.expiresAt,
    });
  },
});
export const handler = askRepairApproval.handler;
