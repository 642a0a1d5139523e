import { userInfo } from 'node:os';
import { type Fence, Fences } from '../../lambdas/kit/fences.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import { type Operator, requireWorkloads, UsageError } from './operator.ts';

export interface OverrideOptions {
  /** Why; goes into the record. */
  reason: string;
  /** The one database that it is about; all that are pending where it is left out. */
  database?: string;
}

/**
 * A person's decision that nobody waits any more for an old writer to be fenced, for a region that does not return: who, when and why go
 * into the ledger and the incident. If it returns all the same, it is fenced as ever.
 * @throws UsageError for a workload that the environment does not know and for an empty reason, Error when nothing of it is pending.
 */
export const overrideFence = async (
  { environment, ledger, print }: Pick<Operator, 'environment' | 'ledger' | 'print'>,
  workload: string,
  { reason, database }: OverrideOptions,
  now = new Date(),
): Promise<void> => {
  requireWorkloads(environment, [workload]);
  if (reason.trim() === '') throw new UsageError('--reason must say why: it goes into the record');
  const fences = new Fences(ledger);
  const pending = await fences.pending(workload);
  const chosen = pending.filter((fence) => database === undefined || fence.database === database);
  if (chosen.length === 0) throw nothingPending(workload, database, pending);
  const override = { by: userInfo().username, at: now.toISOString(), reason };
  const incidents = new Incidents(ledger);
  for (const fence of chosen) {
    await fences.settle(fence, { state: 'overridden', settledAt: override.at, override });
    const isOpen = pending.some((other) => other.incident === fence.incident && !chosen.includes(other));
    await incidents.note(fence.incident, workload, { ...(isOpen ? {} : { fence: 'overridden' }), fenceOverride: override });
    await incidents.append(fence.incident, workload, {
      at: override.at,
      step: 'override-fence',
      state: 'succeeded',
      detail: { database: fence.database, ...override },
    });
  }
  const overridden = chosen.map(({ database: name, site, epoch }) => ({ database: name, site, epoch }));
  print({ workload, overridden, ...override }, () =>
    overridden.map(({ database: name, site, epoch }) => `${workload}/${name} in ${site}: fence of epoch ${epoch} overridden`).join('\n'),
  );
};

const nothingPending = (workload: string, database: string | undefined, pending: readonly Fence[]): Error => {
  const what = database === undefined ? workload : `${workload}/${database}`;
  const others = pending.length > 0 ? `; pending are those of ${pending.map((fence) => fence.database).join(', ')}` : '';
  return new Error(`no fence of '${what}' is pending${others}; 'lifeboat status' shows those that are`);
};
