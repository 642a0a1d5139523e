import { loseDatabase } from '../faults/crash.ts';
import { lossWithin, oneWriter, oneWriterAtATime, outageWithin, runSucceeded, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 120, rpoSeconds: 30 };

export const primaryDatabaseFailover: Scenario = {
  name: 'primary-database-failover',
  title: 'The primary database is lost, its region is up',
  story:
    'The host of the primary instance dies and does not come back. The region, its control plane and the application live. Nobody can ' +
    'fence what cannot be reached, so the lease runs out first; then the workload moves.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.fault('The primary database is gone', () => {
      drill.moves.push(Date.now());
      loseDatabase(drill, drill.primary);
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
