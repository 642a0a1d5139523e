import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

/** What the alarm of the active site is called that says it. */
const STANDBY_SILENT = '-standby-silent';

const objectives = { rtoSeconds: 5, rpoSeconds: 0 };

export const recoveryRegionDown: Scenario = {
  name: 'recovery-region-down',
  title: 'The standby region is gone',
  story:
    'The recovery region goes dark while the primary is well. People are told that nobody could take over; the primary serves on, ' +
    'untouched, and the standby catches up on its return.',
  objectives,
  async run(drill) {
    await drill.fault(`${drill.recovery} goes dark`, () => drill.lab.world.blackout(drill.recovery));
    await drill.alarms(drill.primary, STANDBY_SILENT, 240_000);
    await drill.writes(500, { site: drill.primary, boundMs: 60_000 });
    await drill.mend(`${drill.recovery} returns`, () => drill.lab.world.restore(drill.recovery));
    await drill.replicates(drill.recovery, 90_000);
  },
  promises: [noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
