import { stopGuard } from '../faults/dead-guard.ts';
import {
  everyLossExported,
  everythingKept,
  lossWithin,
  oneWriter,
  oneWriterAtATime,
  runSucceeded,
  servedBy,
  somethingWasLost,
  wasInterrupted,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 120, rpoSeconds: 60 };
const AFTERWARDS_SECONDS = 75;

export const deadGuard: Scenario = {
  name: 'dead-guard',
  title: 'The guard is dead, its database lives, its region is cut off',
  story:
    'The loop that would fence the writer dies at the moment at which its region is cut from everybody. Database, application and ' +
    'clients inside live on, and nobody is left to fence. The right to write must end by itself, in the database.',
  objectives,
  group: 'safety',
  async run(drill) {
    drill.inside(drill.recovery);
    await drill.writesInside(drill.primary, 100, 30_000);
    let heal = () => {};
    await drill.fault(`The guard in ${drill.primary} dies, and the region is cut from everybody`, async () => {
      drill.moves.push(Date.now());
      await stopGuard(drill, drill.primary);
      heal = drill.isolate(drill.primary, drill.others(drill.primary));
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.writesInside(drill.recovery, 100, 60_000);
    await drill.mend('The links heal; the guard stays dead', heal);
    await drill.pass(AFTERWARDS_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.exported(drill.primary, 240_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    somethingWasLost(),
    everyLossExported(),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
