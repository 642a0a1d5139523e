import { type Cell, nameOf, sample } from './cells.ts';
import { type LaboratoryOptions, runLaboratory } from './laboratory.ts';
import { isDefect, type Judged, type Matrix } from './matrix.ts';

export interface SweepOptions extends Pick<LaboratoryOptions, 'signal' | 'command'> {
  matrix: Matrix;
  /** Laboratories at once. */
  jobs: number;
  /** So many attacks in one laboratory; then a new one is started, since each move leaves a former writer behind. */
  perLaboratory: number;
  /** So many attacks in all; every one where it is left out. */
  sample?: number;
  /** Only those attacks whose names have this text in them. */
  only?: string;
  seed: number;
  say: (line: string) => void;
  phase?: (laboratory: number, phase: string) => void;
}

/** Why no laboratory can be had any more, after one that was tried in vain twice in a row. */
export class SweepFailed extends Error {
  override readonly name = 'SweepFailed';
}

/**
 * Makes every attack that the matrix does not know yet, in the order of the seed, in several laboratories at once. What the calls are
 * a clean run says, once for all. Ends when none is left, or after an interrupt; what was judged by then is kept.
 */
export async function sweep({ matrix, jobs, perLaboratory, seed, say, ...options }: SweepOptions): Promise<void> {
  const { only = '' } = options;
  const chosen = (): Cell[] =>
    sample(
      matrix.cells.filter((cell) => nameOf(cell).includes(only)),
      options.sample ?? Number.POSITIVE_INFINITY,
      seed,
    );
  const underWay = new Set<string>();
  const left = (): Cell[] => matrix.left(chosen()).filter((cell) => !underWay.has(nameOf(cell)));
  let laboratories = 0;
  let tellKnown = (): void => undefined;

  const runOne = async (clean: boolean): Promise<boolean> => {
    laboratories += 1;
    const number = laboratories;
    let made = 0;
    const next = (): Cell | undefined => {
      const cell = made < perLaboratory ? left()[0] : undefined;
      if (!cell) return undefined;
      made += 1;
      underWay.add(nameOf(cell));
      return cell;
    };
    const judged = (one: Judged): void => {
      underWay.delete(nameOf(one.cell));
      matrix.add(one);
      const defect = isDefect(one) ? '✗' : '✓';
      say(
        `${defect} ${matrix.judged.length}/${matrix.cells.length} ${nameOf(one.cell)}: ${one.outcome} ${one.seconds} s ${one.detail.slice(0, 160)}`,
      );
    };
    const learned = (kinds: Parameters<Matrix['learn']>[0]): void => {
      matrix.learn(kinds);
      tellKnown();
      say(`a clean run makes ${matrix.kinds.length} kinds of calls: ${matrix.cells.length} attacks, ${chosen().length} of them chosen`);
    };
    const phase = (text: string): void => options.phase?.(number, text);
    const end = await runLaboratory({ ...options, machine: matrix.machine, clean, next, judged, learned, phase });
    // One that broke before its first attack says nothing about any.
    const fellOver = 'verdict' in end && end.verdict.attacks === 0 && end.verdict.broken.length > 0;
    if ('verdict' in end && !fellOver) {
      matrix.addLab(end.verdict);
      if (end.verdict.broken.length > 0) say(`✗ laboratory ${number}: ${end.verdict.broken.join('; ')}`);
      return true;
    }
    const { why, during } = 'verdict' in end ? { why: end.verdict.broken.join('; '), during: undefined } : end;
    if (during) underWay.delete(nameOf(during));
    if (!options.signal.aborted) say(`laboratory ${number} gave no verdict${during ? ` during ${nameOf(during)}` : ''}: ${why}`);
    return false;
  };

  const work = async (): Promise<void> => {
    for (let failures = 0; left().length > 0 && !options.signal.aborted; ) {
      failures = (await runOne(false)) ? 0 : failures + 1;
      if (failures > 1 && !options.signal.aborted) throw new SweepFailed('two laboratories in a row gave no verdict');
    }
  };
  // The first one says what there is to attack, and goes on to attack it; only then can others join.
  const lead = async (): Promise<void> => {
    for (let tries = 0; matrix.kinds.length === 0 && !options.signal.aborted; tries += 1) {
      if (tries > 1) throw new SweepFailed('two laboratories in a row made no clean run');
      await runOne(true);
    }
    await work();
  };
  const first = lead();
  const known = new Promise<void>((resolve) => {
    tellKnown = resolve;
  });
  if (matrix.kinds.length === 0) await Promise.race([known, first]);
  await Promise.all([first, ...Array.from({ length: jobs - 1 }, work)]);
}
