import { claimIsLive, type Lease } from '../../lambdas/kit/lease.ts';
import { type Observation, Observations } from '../../lambdas/kit/observations.ts';
import type { Operator } from './operator.ts';

interface WorkloadStatus {
  workload: string;
  lease?: Lease;
  observations: Observation[];
}

/** Reads leases strongly consistently and the observers' newest words; an observer that cannot be read is shown as missing. */
export const showStatus = async ({ environment, ledger, region, regionOf, print }: Operator): Promise<void> => {
  const observations = new Observations(environment, region ?? regionOf('recovery'), `lifeboat-${environment.name}-observations`);
  const statuses = await Promise.all(
    environment.workloads.map(
      async ({ name }): Promise<WorkloadStatus> => ({
        workload: name,
        lease: await ledger.lease(name),
        observations: await observations.latest(name),
      }),
    ),
  );
  const now = Date.now();
  print({ environment: environment.name, workloads: statuses }, () => statuses.map((status) => textOf(status, now)).join('\n\n'));
};

const textOf = ({ workload, lease, observations }: WorkloadStatus, now: number): string => {
  if (!lease) return `${workload}\n  no lease yet: its home site has never held it`;
  const left = Math.round((lease.expiresAt - now) / 1000);
  const validity = lease.released ? 'released' : left > 0 ? `valid for ${left} s` : `expired ${-left} s ago`;
  const claim = claimIsLive(lease, now) ? `\n  claimed    by ${lease.claim!.incident} for ${lease.claim!.site}` : '';
  const words = observations.map(
    ({ observer, verdict, reason, at, clockError }) =>
      `\n  ${observer.padEnd(10)} ${verdict}, ${Math.round((now - at) / 1000)} s ago: ${reason}${clockError ? `; not ready: its clock is wrong by ${clockError.lowMs} to ${clockError.highMs} ms` : ''}`,
  );
  return `${workload}\n  active     ${lease.holder}, epoch ${lease.epoch}, ${validity}\n  serving    ${lease.serving}${claim}${words.join('')}`;
};
