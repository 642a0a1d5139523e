import { everythingKept, lossWithin, oneRunSucceeded, oneWriter, oneWriterAtATime, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const promises = [oneRunSucceeded(), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('recovery')];
const asked = { workloads: ['orders'], reason: 'somebody presses the button, too' };

export const doubleTrigger: Scenario = {
  name: 'double-trigger',
  title: 'An alarm and two persons start the same failover',
  story:
    'The primary region goes dark. As the alarm starts a run, two persons start one each. One of the three does the work, the others are ' +
    'refused and disturb nothing.',
  objectives: { rtoSeconds: 120, rpoSeconds: 60 },
  group: 'safety',
  async run(drill) {
    await drill.blackout(drill.primary);
    const first = await drill.run('the alarm starts a run', ({ region }) => region === drill.recovery, 180_000);
    const failover = { ...asked, mode: 'failover' };
    const others = await Promise.all([drill.start(drill.recovery, failover), drill.start(drill.recovery, failover)]);
    for (const arn of [...others, first.arn]) await drill.ends(arn, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [...promises, lossWithin(60)],
};

export const doubleTriggerPlanned: Scenario = {
  name: 'double-trigger-planned',
  title: 'Both sites are asked at once, one of them twice',
  story:
    'Two persons ask the recovery site for a switchover, and a third asks the primary site, which is active, for a failover. The workload ' +
    'moves once, without loss.',
  objectives: { rtoSeconds: 60, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    await drill.fault('Both sites are asked at once', () => drill.moves.push(Date.now()));
    const runs = await Promise.all([
      drill.start(drill.recovery, { ...asked, mode: 'switchover' }),
      drill.start(drill.primary, { ...asked, mode: 'failover' }),
      drill.start(drill.recovery, { ...asked, mode: 'switchover' }),
    ]);
    for (const arn of runs) await drill.ends(arn, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [...promises, lossWithin(0)],
};
