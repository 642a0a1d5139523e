import { blockAll } from '../faults/block.ts';
import { everythingKept, lossWithin, notPromotedBefore, oneWriter, oneWriterAtATime, runSucceeded, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const MENDED = 'The standby answers again';

export const unknownLag: Scenario = {
  name: 'unknown-lag',
  title: 'Nobody can say what a promotion would lose',
  story:
    'The primary region goes dark while the standby database answers no query. What a promotion would lose is unknown, so the gate ' +
    'refuses, the run ends with that reason, and nothing is promoted. When the standby answers again a person starts the run anew.',
  objectives: { rtoSeconds: 420, rpoSeconds: 60 },
  group: 'safety',
  async run(drill) {
    const open = blockAll(drill, [drill.recovery], [drill.at(drill.recovery).site.databaseHost]);
    await drill.blackout(drill.primary);
    const refused = await drill.failover(drill.recovery, 300_000);
    if (refused.status !== 'FAILED') throw new Error(`the run should have been refused, and is ${refused.status}`);
    await drill.mend(MENDED, open);
    const arn = await drill.start(drill.recovery, { workloads: ['orders'], mode: 'failover', reason: 'the standby answers again' });
    await drill.ends(arn, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    notPromotedBefore(MENDED),
    lossWithin(60),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
