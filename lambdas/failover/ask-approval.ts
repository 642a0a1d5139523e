import { z } from 'zod';
import { linkTo, type Mac } from '../kit/approval-link.ts';
import { Approvals, questionOf } from '../kit/approvals.ts';
import { notifier } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';
import { macOf } from '../resources/mac.ts';
import { whyAsked, wordsOf } from './question-words.ts';

/** What `measure-lag` found. */
export const measuredLag = z.union([
  z.object({ kind: z.literal('known'), seconds: z.number(), measures: z.string().optional() }),
  z.object({ kind: z.literal('unknown'), why: z.string(), measures: z.string().optional() }),
]);

interface Link {
  /** The function URL that opens the page. */
  base: string;
  mac: Pick<Mac, 'sign'>;
}

/**
 * Asks a person, and lets the machine wait for the answer by task token. The token goes into the ledger and nowhere else; people are
 * told how to answer: by command and, where the environment wants it, by a signed link. What no answer in time means is the policy's.
 */
export const askApproval = defineStep({
  name: 'ask-approval',
  input: workloadRun.extend({ token: z.string().min(1), lag: measuredLag }),
  throws: [],
  build: () => ({ tell: notifier(), link: deployedLink() as Link | undefined }),
  run: async ({ workload, request, token, lag }, { plan, region, ledger, incidents, tell, link, now }) => {
    const { rpoSeconds } = workloadOf(plan, workload).objectives;
    const because = whyAsked(plan, request, lag, rpoSeconds);
    const { mode, reason, answerWithinSeconds: withinSeconds } = request;
    const question = questionOf(
      { token, mode, reason, because, loss: { lag, objectiveSeconds: rpoSeconds } },
      { now: now(), withinSeconds },
    );
    await new Approvals(ledger, incidents).ask(request.incident, workload, question);
    const asked = { incident: request.incident, workload, question: question.id, expiresAt: Date.parse(question.expiresAt) };
    await tell(`Approve ${request.mode} of ${workload}?`, {
      ...wordsOf(question, { incident: request.incident, workload, plan, region }),
      link: link && (await linkTo(link.base, plan.name, asked, link.mac)),
      escalation: 'L1',
    });
  },
});
export const handler = askApproval.handler;

const deployedLink = (): Link | undefined => {
  const { LIFEBOAT_APPROVAL_URL: base, LIFEBOAT_APPROVAL_KEY: key } = process.env;
  return base && key ? { base, mac: macOf(key) } : undefined;
};
