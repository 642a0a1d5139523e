import { crashDatabase } from '../faults/crash.ts';
import { everythingKept, lossWithin, noRun, oneWriter, oneWriterAtATime, outageWithin, servedBy, wasFelt } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 120, rpoSeconds: 0 };

export const databaseCrash: Scenario = {
  name: 'database-crash',
  title: 'The database process dies while work is in flight',
  story:
    'A process of the database server is killed: all sessions end, and the server recovers from its log. The engine mends that by itself ' +
    'in its own region; moving the workload would only take longer.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.fault('The database server crashes', () => crashDatabase(drill, drill.primary));
    await drill.writes(1_500, { site: drill.primary, boundMs: 120_000 });
  },
  promises: [
    wasFelt(),
    noRun(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(0),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    servedBy('primary'),
  ],
};
