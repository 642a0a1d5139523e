import { type CallCount, countCalls } from './calls.ts';
import type { Evidence, Execution } from './evidence.ts';
import { acceptedWrites, fewestHandovers, movesMade } from './handovers.ts';
import { activeSite, type Loss, measureLoss } from './loss.ts';
import { findOutage, type Outage } from './outage.ts';
import { type PhaseSpan, phaseSpans } from './phases.ts';
import { checkSet, type SetCheck } from './set-check.ts';
import { measureOverlap, type Overlap } from './writers.ts';

/** The evidence, and what follows from it. */
export interface Findings {
  evidence: Evidence;
  activeSite?: string;
  outage?: Outage;
  /** Length of the outage; infinite where writes did not return. */
  outageSeconds: number;
  phases: PhaseSpan[];
  loss: Loss;
  overlap: Overlap;
  /** Handovers of the right to write: how many the history needs at least, and how many moves there were. */
  handovers: { needed: number; moves: number };
  orders: SetCheck;
  calls: CallCount;
  /** The run that the scenario is about: the last one. */
  execution?: Execution;
}

/** Everything that can be measured, from the evidence alone. */
export function measure(evidence: Evidence): Findings {
  const { attempts, insiders, databases, executions, faultAt, failed } = evidence;
  const all = [...attempts, ...insiders];
  const active = activeSite(attempts);
  const outage = findOutage(attempts, faultAt);
  const runs = executions.filter((run) => run.startedAt >= faultAt);
  const execution = runs.at(-1);
  const toSeconds = (found: Outage) => (found.to === undefined ? Number.POSITIVE_INFINITY : (found.to - found.from) / 1_000);
  return {
    evidence,
    activeSite: active,
    outage,
    outageSeconds: outage ? toSeconds(outage) : 0,
    phases: phaseSpans(outage, execution, evidence.alarms),
    loss: measureLoss(
      all,
      databases.find(({ site }) => site === active),
    ),
    overlap: measureOverlap(all, databases, evidence.moves),
    handovers: { needed: fewestHandovers(acceptedWrites(all)), moves: movesMade(evidence.calls, evidence.home.primary) },
    orders: checkSet(
      all,
      databases.find(({ site }) => site === active),
      [...databases.filter(({ site }) => site !== active), ...evidence.setAside],
    ),
    calls: countCalls(evidence.calls, runs, failed),
    execution,
  };
}
