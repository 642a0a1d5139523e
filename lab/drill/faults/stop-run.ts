import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';
import type { Execution } from '../judge/evidence.ts';

/** Long enough to be seen in a state, and shorter than any function's patience with a call. */
const HOLD_MS = 3_000;
const REACHED_WITHIN_MS = 180_000;
const ENDED_WITHIN_MS = 60_000;

/** Stop the run of a region in the midst of a state: its step is held up at a call until the run is stopped, and then goes on alone, as on AWS. */
export async function stopRunAt(drill: Drill, region: Region, state: string): Promise<Execution> {
  const wire = drill.parts.watcher.wire(region);
  const step = state.toLowerCase().replaceAll(' ', '-');
  const principal = (await wire.failoverMachine()).functions.find((name) => name.endsWith(`-${step}`));
  if (!principal) throw new Error(`no function of the machine is called like the state '${state}'`);
  const release = drill.lab.faults.add({ kind: 'latency', latencyMs: HOLD_MS, principal, source: region });
  try {
    const isThere = (run: Execution) => run.states.some(({ name, exitedAt }) => name === state && exitedAt === undefined);
    const run = await drill.run(`a run is at '${state}'`, (one) => one.stoppedAt === undefined && isThere(one), REACHED_WITHIN_MS);
    await wire.stopExecution(run.arn);
    drill.note(`stopped at '${state}'`, 'fault');
    // The lab's engine ends a task that is under way first; until then the run works on, and another one is rightly refused.
    return drill.ends(run.arn, ENDED_WITHIN_MS);
  } finally {
    release();
  }
}
