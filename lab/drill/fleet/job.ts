import type { UseOfRights } from '../../iam/access.ts';
import type { DrillResult } from '../judge/verdict.ts';

/** One drill of many: which scenario, and the folder of its own report. */
export interface Job {
  /** Its place in the order, from 1. */
  index: number;
  scenario: string;
  folder: string;
}

/** What came of a job. Without a result there was no verdict, and `why` says what kept the drill from one. */
export interface Outcome {
  job: Job;
  seconds: number;
  result?: DrillResult;
  rights?: UseOfRights;
  why?: string;
}

/** What a child tells its fleet while it works, over the channel that Node gives it. */
export interface News {
  phase: string;
}

/** Where the reports of a fleet lie: `<folder>/<index>-<scenario>`. */
export function jobsOf(scenarios: readonly string[], folder: string): Job[] {
  const width = String(scenarios.length).length;
  return scenarios.map((scenario, at) => ({
    index: at + 1,
    scenario,
    folder: `${folder}/${String(at + 1).padStart(width, '0')}-${scenario}`,
  }));
}

export const passed = ({ result }: Outcome): boolean => result?.passed === true;
