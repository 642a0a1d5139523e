import type { SiteName } from '../../environments/schema.ts';
import { runName, startAndFollow } from './follow.ts';
import type { Operator } from './operator.ts';

interface Options {
  to: SiteName;
  reason?: string;
  dryRun: boolean;
  watch: boolean;
}

/** Starts the failover machine of the site that is to be activated, as the alarm would, and follows it to its end. */
export const move = async (
  operator: Operator,
  mode: 'failover' | 'switchover',
  workloads: string[],
  { to, reason, dryRun, watch }: Options,
): Promise<void> => {
  const input = { mode, dryRun, reason, workloads: workloads.length > 0 ? workloads : undefined };
  await startAndFollow(operator, { machine: 'failover', region: operator.regionOf(to), name: runName(mode), input, watch });
};
