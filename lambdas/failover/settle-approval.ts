import { type Answer, Approvals, type Question } from '../kit/approvals.ts';
import { ApprovalRefused, ApprovalTimedOut, CooldownOver } from '../kit/errors.ts';
import type { Environment } from '../kit/plan.ts';
import { defineStep, type RunRequest, workloadRun } from '../kit/step.ts';
import { measuredLag } from './ask-approval.ts';

/**
 * Nobody answered in time: what that means is the written policy's, which is recorded as the answer. Going on never accepts a loss that
 * nobody can tell. An answer that a person gave at the last moment, and that did not reach the run, counts before the policy.
 * @throws ApprovalTimedOut where the policy refuses, ApprovalRefused where a person did, CooldownOver when a new run needs nobody.
 */
export const settleApproval = defineStep({
  name: 'settle-approval',
  input: workloadRun.extend({ lag: measuredLag }),
  throws: [ApprovalTimedOut, ApprovalRefused, CooldownOver],
  build: () => ({}),
  run: async ({ workload, request, lag }, { plan, ledger, incidents, now }) => {
    const approvals = new Approvals(ledger, incidents);
    const question = await approvals.find(request.incident, workload);
    if (!question) throw new ApprovalTimedOut('the question is not in the ledger: nobody can have answered it');
    const policy = policyOf(plan, request, lag.kind === 'known', now());
    const answer = await approvals.record(request.incident, workload, question, { ...policy, at: new Date(now()).toISOString() });
    return outcomeOf(answer, question);
  },
});
export const handler = settleApproval.handler;

const COOLDOWN = 'end of the cool-down';

const policyOf = (
  { failover }: Environment,
  { cooldownUntil }: RunRequest,
  lagIsKnown: boolean,
  now: number,
): Pick<Answer, 'verdict' | 'by' | 'via' | 'reason'> => {
  const reason = 'no answer in time';
  if (cooldownUntil && now >= Date.parse(cooldownUntil)) return { verdict: 'refused', by: COOLDOWN, via: 'policy', reason };
  const proceeds = failover.onApprovalTimeout === 'proceed' && lagIsKnown;
  const by = `policy onApprovalTimeout: ${failover.onApprovalTimeout}${proceeds === (failover.onApprovalTimeout === 'proceed') ? '' : ', but the lag is unknown'}`;
  return { verdict: proceeds ? 'approved' : 'refused', by, via: 'policy', reason };
};

const outcomeOf = ({ verdict, by, via, reason }: Answer, { expiresAt }: Question): { approved: true; text: string } => {
  if (verdict === 'approved') return { approved: true, text: `approved by ${by}: ${reason}` };
  if (via !== 'policy') throw new ApprovalRefused(`refused by ${by}: ${reason}`);
  if (by === COOLDOWN) throw new CooldownOver('the cool-down has ended: the next run looks again and asks nobody for it');
  throw new ApprovalTimedOut(`no answer by ${expiresAt}; ${by}`);
};
