import type { ChildOptions } from './child.ts';
import { runChild } from './child.ts';
import type { Display } from './display.ts';
import type { Job, Outcome } from './job.ts';

export interface FleetOptions extends Omit<ChildOptions, 'phase'> {
  /** Drills at once. */
  jobs: number;
  display: Display;
}

/** Run drills, several at once, each in a process of its own; the outcomes are in the order of the jobs. After an interrupt none is begun. */
export async function runFleet(jobs: readonly Job[], options: FleetOptions): Promise<Outcome[]> {
  const { display, signal } = options;
  const outcomes: Outcome[] = [];
  const waiting = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) {
      const mine = job;
      display.begins(mine);
      const outcome = await runChild(mine, { ...options, phase: (title) => display.phase(mine, title) });
      display.ends(outcome);
      outcomes.push(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, jobs.length) }, work));
  display.close();
  return outcomes.sort((a, b) => a.job.index - b.job.index);
}
