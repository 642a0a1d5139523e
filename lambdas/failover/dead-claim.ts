import type { Claim } from '../kit/lease.ts';
import type { SiteName } from '../kit/plan.ts';
import type { HasEnded } from '../resources/state-machine.ts';

/**
 * Does nobody work under this claim any more? Only its own site can tell, from Step Functions in its own region; what could not be read
 * counts as alive. A restore's is the restore's own affair (`sweep-restores`), and a repair's ends by itself within a minute: the failover
 * machine knows none of their executions.
 */
export const isDead = async (claim: Claim, site: SiteName, hasEnded: HasEnded): Promise<boolean> =>
  isOfFailover(claim) && claim.site === site && (await hasEnded(claim.execution)) === true;

const isOfFailover = ({ mode }: Claim): boolean => mode !== 'restore' && mode !== 'repair';
