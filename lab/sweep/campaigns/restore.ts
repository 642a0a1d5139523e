import { type DBInstance, DeleteDBInstanceCommand } from '@aws-sdk/client-rds';
import { until } from '../../drill/patience.ts';
import { sameUpToHeartbeat } from '../../drill/restores.ts';
import { taskCampaign } from './task.ts';

const GONE_WITHIN_MS = 120_000;

/**
 * Restores the newest proven recovery point beside the live database; under `dark-here` the other site goes dark. What is restored is for a
 * person, whatever came of it, and no janitor's: left over is what does not say which run it is of.
 */
export const restore = taskCampaign({
  machine: 'restore',
  places: ({ primary, recovery }) => ({ region: primary, dark: recovery }),
  input: async () => ({ workload: 'orders', reason: 'fault sweep' }),
  async falsePass({ drill, view, region }, { status, output }) {
    if (status !== 'SUCCEEDED') return undefined;
    const instance = await view.instance(region, String(output.instance));
    if (instance?.DBInstanceStatus !== 'available') return `${output.instance} is ${instance?.DBInstanceStatus ?? 'not there'}`;
    const { differing } = await sameUpToHeartbeat(drill, String(output.endpoint));
    return differing;
  },
  async leftovers({ drill, view, region }, runs) {
    const names = new Set(runs.map(({ name }) => name));
    const restored = async (): Promise<DBInstance[]> =>
      (await view.copies(region)).filter(({ DBInstanceIdentifier }) => DBInstanceIdentifier?.includes('-restored-'));
    const unsaid = (await restored()).filter(
      ({ TagList = [] }) =>
        !TagList.some(({ Key, Value = '' }) => Key === 'lifeboat:run' && names.has(Value)) ||
        !TagList.some(({ Key, Value }) => Key === 'lifeboat:environment' && Value === drill.environment),
    );
    // As the person who has what is restored.
    await until(
      'what was restored is deleted',
      async () => {
        const there = await restored();
        for (const { DBInstanceIdentifier } of there.filter(({ DBInstanceStatus }) => DBInstanceStatus === 'available'))
          await view.rds(region, (client) => client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true })));
        return there.length === 0 || undefined;
      },
      GONE_WITHIN_MS,
    );
    return unsaid.map(({ DBInstanceIdentifier = '' }) => DBInstanceIdentifier);
  },
});
