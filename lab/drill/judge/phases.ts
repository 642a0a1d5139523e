import type { AlarmChange, Execution, StateRun } from './evidence.ts';
import type { Outage } from './outage.ts';

export const DETECTION = 'Detection';
export const START = 'Alarm to start';
export const TRAFFIC = 'Traffic';

/** A piece of the outage, and what it was spent on. */
export interface PhaseSpan {
  name: string;
  from: number;
  to: number;
}

/**
 * What the outage was spent on: detection until the alarm, then the states of the execution, then until traffic arrived. Where states ran
 * side by side the time is given to the one that ended last, since it was the one waited for. The spans join without gap: they sum to the outage.
 */
export function phaseSpans(outage: Outage | undefined, execution: Execution | undefined, alarms: readonly AlarmChange[]): PhaseSpan[] {
  if (outage?.to === undefined) return [];
  const { from, to } = outage;
  const states = (execution?.states ?? []).filter((state) => state.works);
  const alarmAt = alarms.find((change) => change.state === 'ALARM' && change.at >= from && change.at <= (execution?.startedAt ?? to))?.at;
  const marks = [alarmAt, execution?.startedAt, execution?.stoppedAt, ...states.flatMap((state) => [state.enteredAt, state.exitedAt])];
  const inside = marks.filter((at): at is number => at !== undefined && at > from && at < to);
  const edges = [from, ...new Set(inside.sort((a, b) => a - b)), to];
  const spans: PhaseSpan[] = [];
  edges.slice(0, -1).forEach((begin, index) => {
    const end = edges[index + 1]!;
    const previous = spans.at(-1);
    const name = running(states, begin, end) ?? outside(execution, alarmAt, begin) ?? previous?.name ?? DETECTION;
    if (previous?.name === name) previous.to = end;
    else spans.push({ name, from: begin, to: end });
  });
  return spans;
}

/** The state that was waited for in this interval. */
function running(states: readonly StateRun[], begin: number, end: number): string | undefined {
  const exit = (state: StateRun) => state.exitedAt ?? Number.POSITIVE_INFINITY;
  const open = states.filter((state) => state.enteredAt <= begin && exit(state) >= end);
  return open.sort((a, b) => exit(b) - exit(a))[0]?.name;
}

function outside(execution: Execution | undefined, alarmAt: number | undefined, begin: number): string | undefined {
  if (!execution) return DETECTION;
  if (begin < execution.startedAt) return alarmAt !== undefined && begin >= alarmAt ? START : DETECTION;
  return execution.stoppedAt !== undefined && begin >= execution.stoppedAt ? TRAFFIC : undefined;
}

/** Seconds by phase, in the order in which the phases began. */
export function phaseSeconds(spans: readonly PhaseSpan[]): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const { name, from, to } of spans) seconds[name] = (seconds[name] ?? 0) + (to - from) / 1_000;
  return seconds;
}
