import { setTimeout as sleep } from 'node:timers/promises';
import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';
import type { Execution } from '../judge/evidence.ts';

/** Long enough to be seen in a state, and shorter than any function's patience with a call. */
const HOLD_MS = 3_000;
/** Quicker than the watcher, which looks at everything: a state that is missed does not come again. */
const POLL_MS = 150;
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
    drill.parts.progress.phase(`Until a run is at '${state}'`);
    const run = await runAt(drill, region, state);
    await wire.stopExecution(run.arn);
    drill.note(`stopped at '${state}'`, 'fault');
    // The lab's engine ends a task that is under way first; until then the run works on, and another one is rightly refused.
    return await drill.ends(run.arn, ENDED_WITHIN_MS);
  } finally {
    release();
  }
}

/** The run that is in the state now. @throws Error as soon as the newest run has gone past it or has ended before it. */
async function runAt(drill: Drill, region: Region, state: string): Promise<Execution> {
  const wire = drill.parts.watcher.wire(region);
  const ended = new Map<string, Execution>(drill.parts.watcher.executions.filter((run) => run.stoppedAt).map((run) => [run.arn, run]));
  const before = new Set(ended.keys());
  const deadline = Date.now() + REACHED_WITHIN_MS;
  while (Date.now() < deadline) {
    drill.parts.signal.throwIfAborted();
    const runs = await wire.executions(ended).catch(() => []);
    const there = runs.find((run) => !run.stoppedAt && run.states.some(({ name, exitedAt }) => name === state && !exitedAt));
    if (there) return there;
    const newest = runs.filter(({ arn }) => !before.has(arn)).at(-1);
    if (newest?.states.some(({ name, exitedAt }) => name === state && exitedAt)) throw new Error(`the run went past '${state}' unseen`);
    if (newest?.stoppedAt) throw new Error(`the run ended before '${state}': ${newest.status} ${newest.cause ?? ''}`);
    await sleep(POLL_MS);
  }
  throw new Error(`no run was at '${state}' within ${REACHED_WITHIN_MS / 1_000} s`);
}
