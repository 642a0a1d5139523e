import { type CallCount, countCalls } from './calls.ts';
import type { Evidence, Execution } from './evidence.ts';
import { activeSite, type Loss, measureLoss } from './loss.ts';
import { findOutage, type Outage } from './outage.ts';
import { type PhaseSpan, phaseSpans } from './phases.ts';
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
  calls: CallCount;
  /** The run that the scenario is about: the last one. */
  execution?: Execution;
}

/** Everything that can be measured, from the evidence alone. */
export function measure(evidence: Evidence): Findings {
  const { attempts, databases, executions, faultAt, failedRegion } = evidence;
  const outage = findOutage(attempts, faultAt);
  const execution = executions.filter((run) => run.startedAt >= faultAt).at(-1);
  const toSeconds = (found: Outage) => (found.to === undefined ? Number.POSITIVE_INFINITY : (found.to - found.from) / 1_000);
  return {
    evidence,
    activeSite: activeSite(attempts),
    outage,
    outageSeconds: outage ? toSeconds(outage) : 0,
    phases: phaseSpans(outage, execution, evidence.alarms),
    loss: measureLoss(attempts, databases, outage),
    overlap: measureOverlap(attempts, databases, evidence.moves),
    calls: countCalls(evidence.calls, execution ? [execution] : [], failedRegion),
    execution,
  };
}
