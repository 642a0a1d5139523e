import type { Question } from '../kit/approvals.ts';
import type { Lag } from '../kit/incidents.ts';
import type { Environment } from '../kit/plan.ts';
import type { RunRequest } from '../kit/step.ts';

/** Why a run asks a person, in words. */
export const whyAsked = (
  plan: Environment,
  { reason, trigger, cooldownUntil, approvalRequired }: RunRequest,
  lag: Lag,
  rpo: number,
): string => {
  const causes = [
    lag.kind === 'unknown' && `what would be lost is unknown: ${lag.why}`,
    lag.kind === 'known' && lag.seconds > rpo && `the standby lags by ${lag.seconds} s, the objective is ${rpo} s`,
    cooldownUntil && `it was moved not long ago: cool-down until ${cooldownUntil}`,
    trigger === 'alarm' && plan.failover.policy !== 'automatic' && `the policy is '${plan.failover.policy}'`,
    approvalRequired && trigger === 'person' && `no reason was given when it was started (${reason})`,
  ];
  return causes.filter(Boolean).join('; ');
};

/** What people are told of a question, by the first message and by each reminder. */
export const wordsOf = (
  { mode, reason, because, loss, expiresAt }: Question,
  { incident, workload, plan, region }: { incident: string; workload: string; plan: Environment; region: string },
): Record<string, unknown> => {
  const command = `${incident} --workload ${workload} --env ${plan.name} --region ${region} --reason "..."`;
  return {
    incident,
    workload,
    reason,
    because,
    ...loss,
    expiresAt,
    withoutAnswer: mode === 'restore' ? 'all stays isolated' : withoutAnswer(plan, loss?.lag),
    approve: `npx lifeboat approve ${command}`,
    refuse: `npx lifeboat refuse ${command}`,
  };
};

const withoutAnswer = ({ failover }: Environment, lag: Lag | undefined): string =>
  failover.onApprovalTimeout === 'refuse'
    ? "it is refused (policy onApprovalTimeout: 'refuse')"
    : lag?.kind === 'unknown'
      ? 'it is refused: nobody can tell what would be lost'
      : "it goes on (policy onApprovalTimeout: 'proceed')";
