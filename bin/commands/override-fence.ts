import { userInfo } from 'node:os';
import { Fences } from '../../lambdas/kit/fences.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import { type Operator, UsageError } from './operator.ts';

/**
 * A person's decision that nobody waits any more for an old writer to be fenced, for a region that does not return: who, when and why go
 * into the ledger and the incident. If it returns all the same, it is fenced as ever.
 * @throws UsageError for a workload that the environment does not know, Error when nothing is pending.
 */
export const overrideFence = async (
  { environment, ledger, print }: Pick<Operator, 'environment' | 'ledger' | 'print'>,
  workload: string,
  reason: string,
  now = new Date(),
): Promise<void> => {
  const known = environment.workloads.map(({ name }) => name);
  if (!known.includes(workload))
    throw new UsageError(`workload '${workload}' is unknown in '${environment.name}'; known: ${known.join(', ')}`);
  if (reason.trim() === '') throw new UsageError('--reason must say why: it goes into the record');
  const fences = new Fences(ledger);
  const pending = await fences.pending(workload);
  if (pending.length === 0) throw new Error(`no fence of '${workload}' is pending; 'lifeboat status' shows those that are`);
  const override = { by: userInfo().username, at: now.toISOString(), reason };
  const incidents = new Incidents(ledger);
  for (const fence of pending) {
    await fences.settle(fence, { state: 'overridden', settledAt: override.at, override });
    await incidents.note(fence.incident, workload, { fence: 'overridden', fenceOverride: override });
    await incidents.append(fence.incident, workload, {
      at: override.at,
      step: 'override-fence',
      state: 'succeeded',
      detail: { database: fence.database, ...override },
    });
  }
  const overridden = pending.map(({ database, site, epoch }) => ({ database, site, epoch }));
  print({ workload, overridden, ...override }, () =>
    overridden.map(({ database, site, epoch }) => `${workload}/${database} in ${site}: fence of epoch ${epoch} overridden`).join('\n'),
  );
};
