import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 5, rpoSeconds: 0 };

export const recoveryRegionDown: Scenario = {
  name: 'recovery-region-down',
  title: 'The standby region is gone',
  story:
    'The recovery region goes dark while the primary is well. The primary serves on, untouched, and the standby catches up on its return.',
  objectives,
  async run(drill) {
    await drill.fault(`${drill.recovery} goes dark`, () => drill.lab.world.blackout(drill.recovery));
    await drill.writes(2_500, { site: drill.primary, boundMs: 180_000 });
    await drill.mend(`${drill.recovery} returns`, () => drill.lab.world.restore(drill.recovery));
    await drill.replicates(drill.recovery, 90_000);
  },
  promises: [noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
