import type { SiteName } from '../../environments/schema.ts';
import { crowdOf } from '../../lambdas/failover/bounds.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, requireWorkloads, UsageError } from './operator.ts';
import { questionTeller } from './questions.ts';

export interface MoveOptions {
  to: SiteName;
  reason?: string;
  /** Goes on with an interrupted run. */
  incident?: string;
  dryRun: boolean;
  watch: boolean;
}

/**
 * Starts the failover machine of the site that is to be activated, as the alarm would, and follows it to its end.
 * @throws UsageError for an unknown workload, or more than one run has room for, before anything is started.
 */
export const move = async (
  operator: Operator,
  mode: 'failover' | 'switchover',
  workloads: string[],
  { to, reason, incident, dryRun, watch }: MoveOptions,
): Promise<void> => {
  const { environment, regionOf } = operator;
  requireWorkloads(environment, workloads);
  const named = workloads.length > 0 ? workloads : undefined;
  const all = environment.workloads.map((workload) => workload.name);
  // Whose an incident is, the machine knows: never more than one run had room for.
  const crowd = crowdOf(named ?? (incident === undefined ? all : []));
  if (crowd) throw new UsageError(crowd);
  const name = runName(mode);
  const input = { mode, dryRun, reason, incident, workloads: named };
  const meanwhile = dryRun ? undefined : questionTeller(operator, incident ?? name, named ?? all);
  await startAndFollow(operator, { machine: 'failover', region: regionOf(to), name, incident, input, watch, meanwhile });
};
