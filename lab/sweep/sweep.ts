import type { Drill } from '../drill/drill.ts';
import { callsOfRun } from '../drill/judge/calls.ts';
import { everythingKept, lossWithin, oneWriter, oneWriterAtATime, type Promised } from '../drill/judge/promises.ts';
import type { Scenario } from '../drill/scenario.ts';
import type { Region } from '../types.ts';
import { attack } from './attack.ts';
import { type Cell, cellsOf, nameOf, sample } from './cells.ts';
import { isDefect, type Matrix } from './matrix.ts';

export interface SweepOptions {
  matrix: Matrix;
  /** So many of the attacks; all where it is left out. */
  sample?: number;
  seed: number;
}

const READY_WITHIN_MS = 300_000;

/**
 * The fault sweep over the switchover: a clean one first, which says what calls there are; then there and back again, each time under
 * another fault. All attacks are made in one lab, and its whole history is judged at the end: one writer at a time, nothing lost.
 */
export const sweepScenario = (options: SweepOptions): Scenario => ({
  name: 'sweep-switchover',
  title: 'Every call of a switchover, attacked',
  story: 'A switchover is run once for each kind of call that it makes and each fault that can befall it.',
  objectives: { rtoSeconds: 3_600, rpoSeconds: 0 },
  async run(drill) {
    const clean = await drill.switchover(drill.recovery, 'a clean run', 240_000);
    const cells = cellsOf(callsOfRun(drill.lab.calls(), clean));
    const chosen = options.sample === undefined ? cells : sample(cells, options.sample, options.seed);
    drill.note(`${cells.length} attacks on ${cells.length / 6} kinds of calls; ${chosen.length} of them chosen`);
    let active = drill.recovery;
    for (const cell of options.matrix.left(chosen)) active = await one(drill, active, cell, options.matrix);
  },
  promises: [lossWithin(0), oneWriter(), oneWriterAtATime(), everythingKept(), noDefect(options.matrix)],
});

/** One attack, from where the workload is to the other site. */
async function one(drill: Drill, active: Region, cell: Cell, matrix: Matrix): Promise<Region> {
  const to = active === drill.primary ? drill.recovery : drill.primary;
  await drill.replicates(to, READY_WITHIN_MS);
  drill.note(`attack: ${nameOf(cell)}`, 'fault');
  const judged = await attack(drill, to, cell);
  matrix.add(judged);
  drill.note(`${judged.outcome}: ${nameOf(cell)} ${judged.detail.slice(0, 120)}`);
  if (judged.outcome === 'hang' || judged.outcome === 'stuck') throw new Error(`no way on after ${nameOf(cell)}: ${judged.outcome}`);
  return to;
}

const noDefect = (matrix: Matrix): Promised => ({
  text: 'Every attack was survived, or stopped the run in a defined state',
  broken: () => {
    const defects = matrix.judged.filter(isDefect);
    return defects.length === 0 ? undefined : defects.map(({ cell, outcome }) => `${nameOf(cell)}: ${outcome}`).join('; ');
  },
});
