import { lagOf, worstOf } from '../failover/measure-lag.ts';
import { messageOf } from '../kit/errors.ts';
import type { Lag } from '../kit/incidents.ts';
import type { Lease } from '../kit/lease.ts';
import type { Datum } from '../kit/metrics.ts';
import type { Environment, SiteName, Workload } from '../kit/plan.ts';
import type { DatabaseAdapter } from '../resources/database.ts';

export interface ReplicationServices {
  plan: Environment;
  site: SiteName;
  databases: readonly Pick<DatabaseAdapter, 'standby'>[];
  /** The lease as the site's guard read it last. */
  lease(): Lease | undefined;
  log(event: string, facts: Record<string, unknown>): void;
}

/**
 * Measures the lag of a workload's standby in its own site, as the gate of a failover would: an objective that would not be met is
 * known before the disaster. A lag that cannot be read counts as over the objective.
 */
export const replicationWatch = (workload: Workload, services: ReplicationServices): (() => Promise<Datum[]>) => {
  let wasLagging = false;
  return async () => {
    const lease = services.lease();
    if (workload.databases.length === 0 || !lease || lease.holder === services.site) return [];
    const lag = await read(lease, services);
    const lagging = lag.kind === 'unknown' || lag.seconds > workload.objectives.rpoSeconds;
    if (lagging !== wasLagging) services.log('replication-lag', { workload: workload.name, lagging, lag });
    wasLagging = lagging;
    return [
      { name: 'ReplicationLagging', workload: workload.name, value: lagging ? 1 : 0 },
      ...(lag.kind === 'known'
        ? [{ name: 'replication_lag_seconds', workload: workload.name, value: lag.seconds, unit: 'Seconds' as const }]
        : []),
    ];
  };
};

const read = async (lease: Lease, services: ReplicationServices): Promise<Lag> => {
  try {
    return worstOf(await Promise.all(services.databases.map((database) => lagOf(database, lease, services))));
  } catch (error) {
    return { kind: 'unknown', why: messageOf(error) };
  }
};
