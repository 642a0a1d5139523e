import { lossWithin, oneWriter, outageWithin, phasesAddUp, runSucceeded, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 90, rpoSeconds: 60 };

export const controlPlaneDown: Scenario = {
  name: 'control-plane-down',
  title: 'The shared control planes are gone too',
  story:
    'IAM, Route 53 and the creation of buckets answer nobody, in any region, and then the primary region goes dark. ' +
    'The failover must not notice: it edits no DNS record and makes no role.',
  objectives,
  async run(drill) {
    await drill.fault('The control planes of IAM and Route 53 answer nobody', () => drill.lab.faults.sharedControlPlanesDown());
    drill.faultAt = undefined; // The clock starts when the workload is hit.
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
