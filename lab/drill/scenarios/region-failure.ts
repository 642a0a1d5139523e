import { lossWithin, oneWriter, outageWithin, phasesAddUp, runSucceeded, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 90, rpoSeconds: 60 };

export const regionFailure: Scenario = {
  name: 'region-failure',
  title: 'The primary region is gone',
  story:
    'The whole primary region goes dark under a workload that writes: its network, its compute, its database and its control plane. ' +
    'Lifeboat sees it from outside, moves the workload to the recovery region without being asked, and says what was lost.',
  objectives,
  async run(drill) {
    await drill.blackout(drill.primary);
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    servedBy('recovery'),
    runSucceeded(),
    phasesAddUp(),
  ],
};
