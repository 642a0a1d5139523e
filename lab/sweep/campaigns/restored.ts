import { type DBInstance, DeleteDBInstanceCommand } from '@aws-sdk/client-rds';
import { until } from '../../drill/patience.ts';
import type { Region } from '../../types.ts';
import type { Bench, TaskRun } from './task.ts';

const GONE_WITHIN_MS = 120_000;

/**
 * What restores made under names of their own is for a person, whatever came of it, and no janitor's: left over is what does not say which
 * run it is of. The rest is deleted here, as that person would.
 */
export async function removeRestored(bench: Bench, runs: readonly TaskRun[]): Promise<string[]> {
  const { drill, view, region } = bench;
  const names = new Set(runs.map(({ name }) => name));
  const isRestored = ({ DBInstanceIdentifier = '' }: DBInstance) => DBInstanceIdentifier.includes('-restored-');
  const unsaid = (await view.copies(region))
    .filter(isRestored)
    .filter(
      ({ TagList = [] }) =>
        !TagList.some(({ Key, Value = '' }) => Key === 'lifeboat:run' && names.has(Value)) ||
        !TagList.some(({ Key, Value }) => Key === 'lifeboat:environment' && Value === drill.environment),
    );
  await removeAll(bench, region, isRestored);
  return unsaid.map(({ DBInstanceIdentifier = '' }) => DBInstanceIdentifier);
}

/** Deletes instances of a region as a person does. */
export async function removeAll({ view }: Bench, region: Region, which: (instance: DBInstance) => boolean): Promise<void> {
  await until(
    'instances are deleted',
    async () => {
      const there = (await view.instances(region)).filter(which);
      for (const { DBInstanceIdentifier } of there.filter(({ DBInstanceStatus }) => DBInstanceStatus === 'available'))
        await view.rds(region, (client) => client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true })));
      return there.length === 0 || undefined;
    },
    GONE_WITHIN_MS,
  );
}
