import { stopRunAt } from '../faults/stop-run.ts';
import {
  everythingKept,
  lossWithin,
  oneWriter,
  oneWriterAtATime,
  onlyOnce,
  outageWithin,
  runSucceeded,
  servedBy,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 420, rpoSeconds: 60 };
/** Every state that does something, in the order of the runbook. */
const STATES = [
  'Open incident',
  'Confirm outage',
  'Measure lag',
  'Fence writer',
  'Take lease',
  'Promote database',
  'Verify application',
  'Shift traffic',
  'Verify public name',
  'Reprotect database',
  'Close incident',
];

export const orchestratorKilled: Scenario = {
  name: 'orchestrator-killed',
  title: 'The run is stopped at each step in turn, and started again',
  story:
    'The primary region goes dark, and the run that moves the workload is stopped in the midst of every one of its states, one after ' +
    'the other. Each time it is started again on the same incident. It ends well, and nothing was done twice.',
  objectives,
  group: 'safety',
  async run(drill) {
    await drill.blackout(drill.primary);
    let [incident, arn] = ['', ''];
    for (const state of STATES) {
      const stopped = await stopRunAt(drill, drill.recovery, state);
      incident ||= stopped.name;
      arn = await drill.start(drill.recovery, { incident, workloads: ['orders'], mode: 'failover', reason: `stopped at '${state}'` });
    }
    await drill.ends(arn, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    onlyOnce('PromoteReadReplica'),
    servedBy('recovery'),
    runSucceeded(),
  ],
};
