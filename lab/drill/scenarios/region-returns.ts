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
import { giveSettings, hasOwnSettings } from '../own-settings.ts';
import { BackupView } from '../recovery-points.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 90, rpoSeconds: 60 };
/** Orders acknowledged inside the region, at least, that no replica will see. */
const UNREPLICATED = 40;
/** Two rounds of every loop that could notice, and a schedule's minute. */
const WATCHED_SECONDS = 75;

export const regionReturns: Scenario = {
  name: 'region-returns',
  title: 'The lost region comes back, with its database and its application',
  story:
    'The primary region goes dark, the workload moves, and then the region returns as it was left: its old writer running, its ' +
    'application serving, and clients inside it that never heard of any move. None of them may get an order acknowledged. The link broke ' +
    'a moment before, so the old writer holds orders that nobody else has: they are found, counted and exported, the old writer is kept, ' +
    'a replica with its settings takes its place, and a switchover brings the workload home.',
  objectives,
  group: 'safety',
  async run(drill) {
    const view = new BackupView(drill, drill.environment);
    const { instance } = drill.at(drill.primary).site;
    await giveSettings(drill, view, instance);
    await drill.writesInside(drill.primary, 100, 30_000);
    let heal = () => {};
    await drill.fault('The link between the sites breaks', () => {
      heal = drill.isolate(drill.primary, [drill.recovery]);
    });
    await drill.writesInside(drill.primary, UNREPLICATED, 30_000);
    await drill.blackout(drill.primary);
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.mend(`${drill.primary} returns`, () => {
      heal();
      return drill.lab.world.restore(drill.primary);
    });
    await drill.pass(WATCHED_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.replicates(drill.primary, 240_000);
    await drill.exported(drill.primary, 240_000);
    await hasOwnSettings(drill, view, instance, 240_000);
    await drill.switchover(drill.primary, 'home again', 240_000);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [
    wasInterrupted(),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    somethingWasLost(),
    everyLossExported(),
    servedBy('primary'),
    runSucceeded(),
  ],
};
