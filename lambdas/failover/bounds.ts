import { runBoundSeconds } from '../../environments/budget.ts';
import { WORKLOADS_PER_RUN } from '../../environments/run-size.ts';
import type { Environment, Workload } from '../kit/plan.ts';

/** How long a claim lives: the run's own bound, approval included, so that a dead run blocks nobody longer than it could have run. */
export const claimSeconds = (plan: Environment, workload: Workload): number => runBoundSeconds(plan, workload);

/** Why a run does not take so many, and what to do instead; the machine and the command line say the same. */
export const crowdOf = (workloads: readonly string[]): string | undefined => {
  const count = new Set(workloads).size;
  if (count <= WORKLOADS_PER_RUN) return undefined;
  return `workloads: one run has room for ${WORKLOADS_PER_RUN}, not for ${count}; name some, those first that others depend on: several runs may run side by side`;
};
