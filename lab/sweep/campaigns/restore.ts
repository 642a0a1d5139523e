import { sameUpToHeartbeat } from '../../drill/restores.ts';
import { removeRestored } from './restored.ts';
import { taskCampaign } from './task.ts';

/** Restores the newest proven recovery point beside the live database; under `dark-here` the other site goes dark. */
export const restore = taskCampaign({
  name: 'restore',
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
  leftovers: removeRestored,
});
