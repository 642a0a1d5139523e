import { endsByDecision } from '../detection/try-again.ts';
import { LagRefused } from '../kit/errors.ts';
import type { Environment, SiteName } from '../kit/plan.ts';
import type { RunRequest } from '../kit/step.ts';

interface Ended {
  plan: Pick<Environment, 'name' | 'failover'>;
  /** That the run was to activate. */
  site: SiteName;
  workload: string;
  request: Pick<RunRequest, 'incident' | 'mode'>;
}

/** What a person who is told that a run has failed does next, in the words of the command line and of the console. */
export const nextStep = (outcome: 'aborted' | 'interrupted', error: string, ended: Ended): string => {
  const { plan, site, workload, request } = ended;
  const { incident, mode } = request;
  const command = `npx lifeboat --env ${plan.name} ${mode} ${workload} --to ${site}`;
  if (outcome === 'interrupted') {
    const input = JSON.stringify({ incident, mode, workloads: [workload], reason: '…' });
    return `the lease is taken, so there is only forward: ${command} --incident ${incident} --reason "…", or the failover machine of site '${site}' with the input ${input}; it goes on from where the workload stands`;
  }
  return `nothing was moved, and the lease stays where it was; whether the workload serves there this run does not say; ${whenAborted(error, ended, command)}`;
};

const whenAborted = (error: string, { plan, request }: Ended, command: string): string => {
  const byHand = `${command} --reason "…"`;
  if (request.mode === 'switchover') return `put right what it says, then ${byHand}`;
  if (error === LagRefused.name)
    return `nothing starts by itself for this outage, and the policy refuses a person too: decide what may be lost, set failover.lagUnknown or failover.lagOverObjective to 'ask', deploy the stack of this site, then ${byHand}`;
  if (endsByDecision(error)) return `nothing starts by itself for this outage: ${byHand}`;
  if (plan.failover.policy === 'manual') return `while the outage lasts: ${byHand}`;
  return `while the outage lasts a new run begins by itself some minutes from now; sooner: ${byHand}`;
};
