import { blockAll } from '../faults/block.ts';
import { everythingKept, lossWithin, oneWriter, oneWriterAtATime, runSucceeded, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 120, rpoSeconds: 60 };
const AFTERWARDS_SECONDS = 75;

export const networkPartition: Scenario = {
  name: 'network-partition',
  title: 'The application is cut from its database, and so is the guard',
  story:
    'Inside the primary region nothing reaches the database any more, which lives and replicates on. The workload moves. When the way ' +
    'opens again the old application finds its old database, and must not get an order acknowledged.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.writesInside(drill.primary, 100, 30_000);
    let open = () => {};
    await drill.fault(`Nothing in ${drill.primary} reaches its database`, () => {
      drill.moves.push(Date.now());
      open = blockAll(drill, [drill.primary], [drill.at(drill.primary).site.databaseHost]);
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.mend('The way to the database opens again', open);
    await drill.pass(AFTERWARDS_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
