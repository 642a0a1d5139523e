import { activationBoundSeconds } from '../../environments/budget.ts';
import type { Environment, Workload } from '../kit/plan.ts';

/** What a run may take beside approval and activation: probes, lag, fence, take, verification, traffic and the record. */
const OTHER_STEPS_SECONDS = 300;

/** How long a claim lives: the run's own bound, approval included, so that a dead run blocks nobody longer than it could have run. */
export const claimSeconds = (plan: Environment, workload: Workload): number =>
  activationBoundSeconds(plan, workload) + OTHER_STEPS_SECONDS + plan.failover.approvalTimeoutMinutes * 60;
