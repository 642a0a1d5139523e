import { everythingKept, lossWithin, oneWriter, oneWriterAtATime, runSucceeded, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 90, rpoSeconds: 60 };
/** Two rounds of every loop that could notice, and a schedule's minute. */
const WATCHED_SECONDS = 75;

export const regionReturns: Scenario = {
  name: 'region-returns',
  title: 'The lost region comes back, with its database and its application',
  story:
    'The primary region goes dark, the workload moves, and then the region returns as it was left: its old writer running, its ' +
    'application serving, and clients inside it that never heard of any move. None of them may get an order acknowledged. What the old ' +
    'writer holds is kept, a replica takes its place, and a switchover brings the workload home.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.writesInside(drill.primary, 100, 30_000);
    await drill.blackout(drill.primary);
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.mend(`${drill.primary} returns`, () => drill.lab.world.restore(drill.primary));
    await drill.pass(WATCHED_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.replicates(drill.primary, 240_000);
    await drill.switchover(drill.primary, 'home again', 240_000);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    servedBy('primary'),
    runSucceeded(),
  ],
};
