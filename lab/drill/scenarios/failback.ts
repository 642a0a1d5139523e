import { lossWithin, oneWriter, outageWithin, phasesAddUp, runSucceeded, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 60, rpoSeconds: 0 };

export const failback: Scenario = {
  name: 'failback',
  title: 'Away and home again',
  story:
    'The workload was moved to the recovery region and goes home by the same machine, started in the other site. ' +
    'The orders written while away come home with it.',
  objectives,
  async run(drill) {
    await drill.switchover(drill.recovery, 'rehearsal: away', 240_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.replicates(drill.primary, 240_000);
    await drill.switchover(drill.primary, 'rehearsal: home', 240_000);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary'), runSucceeded(), phasesAddUp()],
};
