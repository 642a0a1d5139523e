import { runBoundSeconds } from '../../environments/budget.ts';
import type { Environment, Workload } from '../kit/plan.ts';

/** How long a claim lives: the run's own bound, approval included, so that a dead run blocks nobody longer than it could have run. */
export const claimSeconds = (plan: Environment, workload: Workload): number => runBoundSeconds(plan, workload);
