import { lossWithin, oneWriter, outageWithin, phasesAddUp, runSucceeded, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 60, rpoSeconds: 0 };

export const plannedSwitchover: Scenario = {
  name: 'planned-switchover',
  title: 'A planned move to the recovery region',
  story:
    'Nothing is broken: a person moves the workload before maintenance. Writes stop first, replication drains, then the other site opens. ' +
    'No acknowledged order may be lost.',
  objectives,
  async run(drill) {
    await drill.switchover(drill.recovery, 'maintenance in the primary region', 240_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('recovery'), runSucceeded(), phasesAddUp()],
};
