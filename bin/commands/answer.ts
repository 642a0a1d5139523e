import { userInfo } from 'node:os';
import { SendTaskFailureCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { type Incident, Incidents } from '../../lambdas/kit/incidents.ts';
import type { Operator } from './operator.ts';

type Asked = Incident & { approval?: { token: string; expiresAt: string; answer?: string } };

/** Answers a run that waits for a person, and writes who answered into its record. @throws Error when nothing waits. */
export const answer = async (
  { ledger, sfn, regionOf, print }: Operator,
  verb: 'approve' | 'refuse',
  id: string,
  { workload, reason }: { workload: string; reason: string },
): Promise<void> => {
  const incidents = new Incidents(ledger);
  const incident = (await incidents.find(id, workload)) as Asked | undefined;
  if (!incident?.approval) throw new Error(`incident '${id}' of workload '${workload}' waits for nobody's answer`);
  const { token, expiresAt, answer: given } = incident.approval;
  if (given) throw new Error(`incident '${id}' was answered already: ${given}`);
  if (Date.parse(expiresAt) < Date.now()) throw new Error(`the time to answer ended at ${expiresAt}`);
  const by = { by: userInfo().username, at: new Date().toISOString(), reason };
  const client = sfn(regionOf(incident.to));
  if (verb === 'approve')
    await client.send(new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify({ approved: true, ...by }) }));
  else await client.send(new SendTaskFailureCommand({ taskToken: token, error: 'ApprovalRefused', cause: JSON.stringify(by) }));
  await incidents.note(id, workload, { approval: { expiresAt, answer: verb, ...by } });
  print({ incident: id, workload, answer: verb, ...by }, () => `${id}: ${verb}d for ${workload}`);
};
