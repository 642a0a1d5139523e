import { type Fence, Fences } from '../../lambdas/kit/fences.ts';
import { claimIsLive, type Lease } from '../../lambdas/kit/lease.ts';
import { type LostRowsSearch, LostRowsSearches } from '../../lambdas/kit/lost-rows.ts';
import { type Observation, Observations } from '../../lambdas/kit/observations.ts';
import type { Operator } from './operator.ts';

interface WorkloadStatus {
  workload: string;
  lease?: Lease;
  /** Old writers that nobody has seen fenced yet, and those that people gave up waiting for. */
  fences: Fence[];
  /** Searches of former writers for rows that exist nowhere else. */
  lostRows: LostRowsSearch[];
  observations: Observation[];
}

/** Reads leases strongly consistently and the observers' newest words; an observer that cannot be read is shown as missing. */
export const showStatus = async ({ environment, ledger, region, regionOf, print }: Operator): Promise<void> => {
  const observations = new Observations(environment, region ?? regionOf('recovery'), `lifeboat-${environment.name}-observations`);
  const [fences, searches] = [new Fences(ledger), new LostRowsSearches(ledger)];
  const statuses = await Promise.all(
    environment.workloads.map(
      async ({ name }): Promise<WorkloadStatus> => ({
        workload: name,
        lease: await ledger.lease(name),
        fences: (await fences.all(name)).filter(({ state }) => state === 'pending' || state === 'overridden'),
        lostRows: await searches.all(name),
        observations: await observations.latest(name),
      }),
    ),
  );
  const now = Date.now();
  print({ environment: environment.name, workloads: statuses }, () => statuses.map((status) => textOf(status, now)).join('\n\n'));
};

const textOf = ({ workload, lease, fences, lostRows, observations }: WorkloadStatus, now: number): string => {
  if (!lease) return `${workload}\n  no lease yet: its home site has never held it`;
  const left = Math.round((lease.expiresAt - now) / 1000);
  const validity = lease.released ? 'released' : left > 0 ? `valid for ${left} s` : `expired ${-left} s ago`;
  const claim = claimIsLive(lease, now) ? `\n  claimed    by ${lease.claim!.incident} for ${lease.claim!.site}` : '';
  const words = observations.map(
    ({ observer, verdict, reason, at, clockError }) =>
      `\n  ${observer.padEnd(10)} ${verdict}, ${Math.round((now - at) / 1000)} s ago: ${reason}${clockError ? `; not ready: its clock is wrong by ${clockError.lowMs} to ${clockError.highMs} ms` : ''}`,
  );
  return `${workload}\n  active     ${lease.holder}, epoch ${lease.epoch}, ${validity}\n  serving    ${lease.serving}${claim}${fences.map(fenceLine).join('')}${lostRows.map(lostLine).join('')}${words.join('')}`;
};

const fenceLine = ({ database, site, epoch, state, since, override }: Fence): string => {
  const what = `\n  fence      ${state}: ${database} in ${site}, epoch ${epoch}, since ${since}`;
  return override ? `${what}, overridden by ${override.by}: ${override.reason}` : what;
};

const lostLine = ({ instance, state, absent = 0, differs = 0, uncompared = 0, manifest }: LostRowsSearch): string =>
  `\n  lost rows  ${instance}: ${manifest ? `${absent} absent, ${differs} differ, ${uncompared} uncompared, ${manifest}` : state}`;
