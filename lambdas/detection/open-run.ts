import { claimSeconds } from '../failover/bounds.ts';
import { wordsOf } from '../failover/question-words.ts';
import { type Answer, Approvals, type Question } from '../kit/approvals.ts';
import type { Lease } from '../kit/lease.ts';
import type { Tell } from '../kit/notify.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import type { Base } from '../kit/step.ts';

/** When people are reminded, as parts of the time to answer, and whom that should reach: at the usual 60 min after 15, 30 and 54. */
const REMINDERS: readonly { after: number; escalation: string }[] = [
  { after: 0.25, escalation: 'L2' },
  { after: 0.5, escalation: 'L3' },
  { after: 0.9, escalation: 'L3' },
];

/** How many reminders should have been sent by now. */
export const remindersDue = ({ askedAt, expiresAt }: Question, now: number): number => {
  const [asked, expires] = [Date.parse(askedAt), Date.parse(expiresAt)];
  if (now >= expires) return 0; // too late to answer, too late to remind
  return REMINDERS.filter(({ after }) => now >= asked + after * (expires - asked)).length;
};

/** Says once more what is asked. Told before it is noted: twice is better than never. */
export const remind = async (
  incident: string,
  workload: string,
  question: Question,
  { plan, region, ledger, incidents, tell, now }: Base & { tell: Tell },
): Promise<void> => {
  const due = remindersDue(question, now());
  const left = Math.ceil((Date.parse(question.expiresAt) - now()) / 60_000);
  await tell(`Still unanswered, ${left} min left: approve ${question.mode} of ${workload}?`, {
    ...wordsOf(question, { incident, workload, plan, region }),
    ...(plan.failover.approvalLink ? { link: 'is in the first message of this question' } : {}),
    reminder: due,
    escalation: REMINDERS[due - 1]!.escalation,
  });
  await new Approvals(ledger, incidents).reminded(incident, workload, due);
};

/** Has the move that holds the claim worked for longer than the RTO? The time that it waited for a person does not count; nor does a restore or a repair, which have bounds of their own. */
export const overdueOf = (
  plan: Environment,
  { workload: name, claim }: Lease,
  { question, answer, now }: { question?: Question; answer?: Answer; now: number },
): boolean => {
  if (claim!.mode === 'restore' || claim!.mode === 'repair') return false;
  const workload = workloadOf(plan, name);
  const claimedAt = claim!.expiresAt - claimSeconds(plan, workload) * 1000;
  return now - claimedAt - waitedMs(claimedAt, { question, answer, now }) > workload.objectives.rtoSeconds * 1000;
};

const waitedMs = (claimedAt: number, { question, answer, now }: { question?: Question; answer?: Answer; now: number }): number => {
  if (!question || Date.parse(question.askedAt) < claimedAt) return 0;
  const until = answer ? Date.parse(answer.at) : Math.min(now, Date.parse(question.expiresAt));
  return Math.max(0, until - Date.parse(question.askedAt));
};
