import { z } from 'zod';
import { Approvals, questionOf } from '../kit/approvals.ts';
import { CopyUnusable } from '../kit/errors.ts';
import { notifier } from '../kit/notify.ts';
import { defineStep } from '../kit/step.ts';
import { inspected, requireGood } from './close-copy.ts';
import { incidentOf, type Remembered } from './replacement.ts';
import { CUT_OVER_SECONDS, restoreRun } from './restoring.ts';

const renewed = z.object({ secret: z.string(), closed: z.array(z.string()).default([]), left: z.array(z.string()).default([]) });

/**
 * Asks a person whether the clean database takes over, and tells what has to be done before: the application needs its new passwords. The
 * token goes into the ledger and nowhere else. What did not pass its checks is not asked about.
 * @throws CopyUnusable for what is not good, a login included that could not be closed.
 */
export const askCutOver = defineStep({
  name: 'ask-cut-over',
  input: restoreRun.extend({ token: z.string().min(1), inspected, renewed }),
  throws: [CopyUnusable],
  build: () => ({ tell: notifier() }),
  run: async ({ workload, request, token, inspected: found, renewed: logins }, services) => {
    const { plan, region, ledger, incidents, tell, now } = services;
    requireGood(found, request.acceptUnknown);
    if (logins.left.length > 0 && !request.acceptUnknown)
      throw new CopyUnusable(`these logins could not be closed: ${logins.left.join(', ')}`);
    const { point, why, lostSeconds } = request;
    const upTo = found.reachesTo ? `whose data reach to ${found.reachesTo}` : 'of which nobody can tell to when its data reach';
    const because = `a clean room is ready to take over, of recovery point ${point.id}, ${upTo}`;
    const asked = { token, mode: 'restore', reason: request.reason, because };
    const question = questionOf(asked, { now: now(), withinSeconds: CUT_OVER_SECONDS });
    await new Approvals(ledger, incidents).ask(request.incident, workload, question);
    const answer = `npx lifeboat approve ${request.incident} --workload ${workload} --env ${plan.name} --region ${region} --reason "..."`;
    await tell(`Cut ${workload} over to its clean room?`, {
      incident: request.incident,
      workload,
      reason: request.reason,
      recoveryPoint: point.id,
      dueAt: point.dueAt,
      reachesTo: found.reachesTo ?? 'unknown',
      why,
      lostSeconds,
      before: `give the application its new passwords: secret ${logins.secret}, field applicationPasswords`,
      closedLogins: logins.closed,
      settings: settingsWords((await incidentOf({ workload, request }, services)).before),
      approve: answer,
      refuse: answer.replace('approve', 'refuse'),
      expiresAt: question.expiresAt,
    });
  },
});
export const handler = askCutOver.handler;

const settingsWords = ({ notTaken, found }: Remembered): string => {
  if (!found) return 'those that the recovery point knows: the old instance is gone';
  if (!notTaken) return 'those of the old instance, since the recovery point knows none for this site: look whether somebody changed them';
  if (notTaken.length === 0) return "the recovery point's, which the old instance had still";
  return `the recovery point's; the old instance had others since: ${notTaken.join(', ')}; of a security group that is gone its own take the place`;
};
