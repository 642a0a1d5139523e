import { type Environment, otherSite, type SiteName } from '../kit/plan.ts';
import { type AutomatedBackup, replicatedOf } from '../resources/rds-automated-backups.ts';
import type { Instance, MomentSource } from '../resources/rds-instances.ts';

/** A log from which this site can restore a moment. */
export interface LogSource {
  source: MomentSource;
  /** Whose it is, in words. */
  of: string;
  /** How far it reaches now. ISO 8601 UTC. */
  until: string;
}

export interface Where {
  plan: Environment;
  site: SiteName;
  /** Identifiers of the database's instances. */
  instances: Record<SiteName, string>;
}

/**
 * The log of this site's own instance, where it keeps backups; otherwise what RDS has brought here of the other site's. Nothing where there
 * is neither.
 */
export const logSourceOf = (
  known: ReadonlyMap<string, Instance>,
  backups: readonly AutomatedBackup[],
  { plan, site, instances }: Where,
): LogSource | undefined => {
  const own = known.get(instances[site]);
  if (own?.restorableUntil) return { source: { id: own.id }, of: own.id, until: own.restorableUntil };
  const there = otherSite(site);
  const arn = `:rds:${plan.sites[there].region}:${plan.account}:db:${instances[there]}`;
  const brought = replicatedOf(backups, arn);
  if (!brought) return undefined;
  return {
    source: { backupArn: brought.arn },
    of: `${instances[there]}, as replicated from ${plan.sites[there].region}`,
    until: brought.latestAt!,
  };
};
