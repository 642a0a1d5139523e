import { blockAll } from '../faults/block.ts';
import { everythingKept, lossWithin, oneRunSucceeded, oneWriter, oneWriterAtATime, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const FLAPS = 6;
/** With the 12 s for which an observer's word counts (two rounds of 5 s and a probe of 2 s): 17 s, less than the 20 s of the confirmation. */
const DOWN_SECONDS = 5;
const UP_SECONDS = 8;

export const flapping: Scenario = {
  name: 'flapping',
  title: 'Health comes and goes, and then the region is gone',
  story:
    'The application loses its database for some seconds, again and again, each time for less than it takes to confirm an outage. ' +
    'Nothing moves for that. Then the region really goes dark, and none of what went before may hold up the failover.',
  objectives: { rtoSeconds: 90, rpoSeconds: 60 },
  group: 'safety',
  async run(drill) {
    const { databaseHost } = drill.at(drill.primary).site;
    for (let flap = 1; flap <= FLAPS; flap += 1) {
      const open = blockAll(drill, [drill.primary], [databaseHost]);
      await drill.pass(DOWN_SECONDS, `the application has no database (${flap} of ${FLAPS})`);
      open();
      await drill.pass(UP_SECONDS, 'it has one again');
    }
    const early = drill.parts.watcher.executions.length;
    if (early > 0) throw new Error(`${early} runs were started by blips`);
    await drill.writes(100, { site: drill.primary, boundMs: 60_000 });
    await drill.blackout(drill.primary);
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [wasInterrupted(), lossWithin(60), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('recovery'), oneRunSucceeded()],
};
