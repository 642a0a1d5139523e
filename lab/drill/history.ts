import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { StateRun } from './judge/evidence.ts';

const WORKING = new Set(['TaskStateEntered', 'WaitStateEntered']);

/**
 * The states of an execution's history with their times. Branches may have entered states of one name: those leave in the order of entry.
 * A state that an error ended has no exit of its own in some histories: it ends with the execution.
 */
export function statesOf(events: readonly HistoryEvent[]): StateRun[] {
  const states: StateRun[] = [];
  for (const event of events) {
    const at = event.timestamp?.getTime() ?? 0;
    const entered = event.stateEnteredEventDetails?.name;
    if (entered) states.push({ name: entered, works: WORKING.has(event.type ?? ''), enteredAt: at });
    const exited = event.stateExitedEventDetails?.name;
    const state = exited && states.find((one) => one.name === exited && one.exitedAt === undefined);
    if (state) state.exitedAt = at;
  }
  const last = events.at(-1);
  if (last?.type?.startsWith('Execution') && last.type !== 'ExecutionStarted') {
    for (const state of states) state.exitedAt ??= last.timestamp?.getTime();
  }
  return states;
}
