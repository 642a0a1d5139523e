import type { SiteName } from '../../environments/schema.ts';
import { crowdOf } from '../../lambdas/failover/bounds.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, UsageError } from './operator.ts';

interface Options {
  to: SiteName;
  reason?: string;
  dryRun: boolean;
  watch: boolean;
}

/**
 * Starts the failover machine of the site that is to be activated, as the alarm would, and follows it to its end.
 * @throws UsageError for more workloads than one run has room for, before anything is started.
 */
export const move = async (
  operator: Operator,
  mode: 'failover' | 'switchover',
  workloads: string[],
  { to, reason, dryRun, watch }: Options,
): Promise<void> => {
  const crowd = crowdOf(workloads.length > 0 ? workloads : operator.environment.workloads.map(({ name }) => name));
  if (crowd) throw new UsageError(crowd);
  const input = { mode, dryRun, reason, workloads: workloads.length > 0 ? workloads : undefined };
  await startAndFollow(operator, { machine: 'failover', region: operator.regionOf(to), name: runName(mode), input, watch });
};
