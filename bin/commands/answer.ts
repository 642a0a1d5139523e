import { hostname, userInfo } from 'node:os';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type Answered, Approvals } from '../../lambdas/kit/approvals.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import { answerSender } from '../../lambdas/resources/state-machine.ts';
import type { Operator } from './operator.ts';

/** Answers a run that waits for a person, and writes who answered, from where and why into its record. @throws Error when it cannot be. */
export const answer = async (
  { ledger, sfn, regionOf, print }: Pick<Operator, 'ledger' | 'sfn' | 'regionOf' | 'print'>,
  verb: 'approve' | 'refuse',
  incident: string,
  { workload, reason }: { workload: string; reason: string },
  identity: (region: string) => Promise<string> = callerOf,
): Promise<void> => {
  const incidents = new Incidents(ledger);
  const found = await incidents.find(incident, workload);
  if (!found) throw new Error(`no incident '${incident}' of workload '${workload}'; 'lifeboat incidents' lists them`);
  const region = regionOf(found.to);
  const given = {
    verdict: verb === 'approve' ? ('approved' as const) : ('refused' as const),
    by: await identity(region),
    via: 'command' as const,
    from: `${userInfo().username} on ${hostname()}`,
    at: new Date().toISOString(),
    reason,
  };
  const outcome = await new Approvals(ledger, incidents).answer({ incident, workload, now: Date.now() }, given, answerSender(sfn(region)));
  if (outcome.kind !== 'done') throw new Error(`incident '${incident}' of '${workload}': ${whyNot(outcome)}`);
  print({ incident, workload, ...outcome.answer }, () => `${incident}: ${outcome.answer.verdict} for ${workload} by ${outcome.answer.by}`);
};

const whyNot = (outcome: Exclude<Answered, { kind: 'done' }>): string => {
  switch (outcome.kind) {
    case 'already':
      return `it was ${outcome.answer.verdict} already, by ${outcome.answer.by} at ${outcome.answer.at}`;
    case 'late':
      return `the time to answer ended at ${outcome.expiresAt}`;
    case 'ended':
      return 'the run waits no longer; the answer is in its record and has done nothing';
    case 'unasked':
      return "it waits for nobody's answer";
  }
};

/** The caller's ARN, asked of the region that is activated. Who cannot be told may not answer: the record would not say who it was. */
const callerOf = async (region: string): Promise<string> => {
  const sts = new STSClient({ region, maxAttempts: 2, requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000 } });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (!Arn) throw new Error(`STS in ${region} does not say whose credentials these are`);
  return Arn;
};
