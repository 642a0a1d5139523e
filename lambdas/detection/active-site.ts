import { foreignCalls } from '../kit/clients.ts';
import type { Lease } from '../kit/lease.ts';
import { Ledger } from '../kit/ledger.ts';
import type { Environment, SiteName, Workload } from '../kit/plan.ts';
import { required } from '../kit/step.ts';

/**
 * Which site is active, as the witness learns it: it has no replica of the ledger, so it asks both sites' and believes the higher
 * epoch. When neither answers, what it knew last still says where to look.
 */
export const activeSiteFromAfar = (plan: Environment): ((workload: Workload) => Promise<SiteName | undefined>) => {
  const table = required('LIFEBOAT_LEDGER_TABLE');
  const ledgers = [plan.sites.primary.region, plan.sites.recovery.region].map(
    (region) => new Ledger(table, { region, limits: foreignCalls }),
  );
  const known = new Map<string, Lease>();
  return async ({ name }) => {
    const answers = await Promise.all(ledgers.map((ledger) => ledger.lease(name, false).catch(() => undefined)));
    const newest = [...answers, known.get(name)].filter((lease) => lease !== undefined).sort((a, b) => b.epoch - a.epoch)[0];
    if (newest) known.set(name, newest);
    return newest?.holder;
  };
};
