import { approve } from '../approve.ts';
import { everythingKept, notPromotedBefore, oneWriter, oneWriterAtATime, runSucceeded, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

/** Over the demo's recovery point objective of 60 s, for the two whole minutes of the alarm. */
const ALARM_WITHIN_MS = 360_000;
const DELIBERATION_SECONDS = 15;
const APPROVED = 'A person approves the loss';

export const replicationLag: Scenario = {
  name: 'replication-lag',
  title: 'The standby lags over the objective when the region is lost',
  story:
    'Replication is cut, and an alarm says so while all is well. Then the primary region goes dark. The gate measures the lag and ' +
    'asks. Nothing is promoted until a person has approved; what is lost is what was measured, and it is kept in the old database.',
  objectives: { rtoSeconds: 420, rpoSeconds: 480 },
  group: 'safety',
  async run(drill) {
    drill.isolate(drill.primary, [drill.recovery]);
    drill.note('Replication is cut', 'fault');
    await drill.alarms(drill.recovery, '-replication-lag', ALARM_WITHIN_MS);
    await drill.blackout(drill.primary);
    const isAsking = ({ states }: { states: { name: string; exitedAt?: number }[] }) =>
      states.some(({ name, exitedAt }) => name === 'Ask for approval' && exitedAt === undefined);
    const run = await drill.run('a run asks a person', isAsking, 240_000);
    await drill.pass(DELIBERATION_SECONDS, 'a person thinks about it');
    await drill.mend(APPROVED, () => approve(drill, drill.recovery, run.name));
    await drill.ends(run.arn, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [notPromotedBefore(APPROVED), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('recovery'), runSucceeded()],
};
