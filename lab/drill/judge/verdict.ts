import type { Evidence } from './evidence.ts';
import { type Findings, measure } from './measure.ts';
import { phaseSeconds } from './phases.ts';
import { everythingKept, independent, nothingInvented, oneWriter, oneWriterAtATime, type Promised, rightsSuffice } from './promises.ts';

/** What a scenario is held to. */
export interface Objectives {
  rtoSeconds: number;
  rpoSeconds: number;
}

/** What `npm run drill -- --json` prints. */
export interface DrillResult {
  scenario: string;
  passed: boolean;
  /** Why it did not pass; empty where it did. */
  reasons: string[];
  rto: { objectiveSeconds: number; measuredSeconds: number | null; phases: Record<string, number> };
  rpo: { objectiveSeconds: number; measuredSeconds: number; rowsAcknowledged: number; rowsLost: number };
  writers: { overlapSeconds: number; overlappingWrites: number };
  calls: { total: number; toFailedRegion: number; toForeignControlPlane: number };
  execution: { status: string; states: { name: string; seconds: number | null }[] };
  timeline: { at: string; event: string }[];
}

/** A promise, and how it went. */
export interface Kept {
  text: string;
  broken?: string;
}

export interface Verdict {
  result: DrillResult;
  findings: Findings;
  promises: Kept[];
}

/** Every scenario is held to these, whatever it is about: the history check (set and register), and least privilege that suffices. */
const ALWAYS: readonly Promised[] = [oneWriter(), oneWriterAtATime(), nothingInvented(), independent(), rightsSuffice()];

const round = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Measures the evidence and holds it against the promises. `trouble` is what kept the scenario from running to its end. */
export function judge(
  scenario: { name: string; objectives: Objectives; promises: readonly Promised[]; destroysDatabases?: boolean },
  evidence: Evidence,
  trouble?: string,
): Verdict {
  const findings = measure(evidence);
  const asked = new Map(
    [...scenario.promises, ...ALWAYS, ...(scenario.destroysDatabases ? [] : [everythingKept()])].map((promised) => [
      promised.text,
      promised,
    ]),
  );
  const promises = [...asked.values()].map(({ text, broken }) => ({ text, broken: broken(findings) }));
  const reasons = [trouble, ...promises.map((kept) => kept.broken)].filter((reason): reason is string => reason !== undefined);
  return { findings, promises, result: resultOf(scenario, findings, reasons) };
}

function resultOf(scenario: { name: string; objectives: Objectives }, findings: Findings, reasons: string[]): DrillResult {
  const { evidence, outageSeconds, loss, overlap, calls, execution, phases } = findings;
  const { rtoSeconds, rpoSeconds } = scenario.objectives;
  return {
    scenario: scenario.name,
    passed: reasons.length === 0,
    reasons,
    rto: {
      objectiveSeconds: rtoSeconds,
      measuredSeconds: Number.isFinite(outageSeconds) ? round(outageSeconds) : null,
      phases: Object.fromEntries(Object.entries(phaseSeconds(phases)).map(([name, value]) => [name, round(value)])),
    },
    rpo: {
      objectiveSeconds: rpoSeconds,
      measuredSeconds: round(loss.measuredSeconds),
      rowsAcknowledged: loss.rowsAcknowledged,
      rowsLost: loss.rowsLost,
    },
    writers: { overlapSeconds: round(overlap.overlapSeconds), overlappingWrites: overlap.overlappingWrites },
    calls,
    execution: {
      status: execution?.status ?? 'NONE',
      states: (execution?.states ?? []).map(({ name, enteredAt, exitedAt }) => ({
        name,
        seconds: exitedAt === undefined ? null : round((exitedAt - enteredAt) / 1_000),
      })),
    },
    timeline: evidence.timeline.map(({ at, event }) => ({ at: new Date(at).toISOString(), event })),
  };
}
