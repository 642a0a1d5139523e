import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { type CallKind, type Cell, cellsOf, kindOf, nameOf } from './cells.ts';

/** How an attack ended. All but the first three are defects. */
export type Outcome = keyof typeof OUTCOMES;
export const OUTCOMES = {
  recovered: 'the run ended well, and what it says is so',
  stopped: 'the run failed before there was only forward, people were told, what was there serves on, and a run started again ended well',
  interrupted: 'the run failed where there is only forward, people were told, and a run started again under the same incident ended well',
  hang: 'the run did not end within its bound',
  'false success': 'the run succeeded, and its site accepts no orders',
  'two writers': 'two databases accepted orders at a time',
  'uncounted loss': 'acknowledged orders are in no database',
  'false pass': 'a recovery point or a restore is called good, and is not there, or was not checked',
  leftover: 'something that was made for the run stays, and no janitor takes it',
  'not served': 'the run failed, and nobody accepts orders although all is mended',
  'nobody told': 'the run failed, and no message and no alarm says so',
  stuck: 'the run failed, and a run started again did not end well',
} as const;

export interface Judged {
  cell: Cell;
  outcome: Outcome;
  detail: string;
  seconds: number;
}

/** What a laboratory as a whole was held to, over all attacks in it. */
export interface LabVerdict {
  attacks: number;
  broken: string[];
}

interface Kept {
  machine: string;
  kinds: CallKind[];
  judged: Judged[];
  labs: LabVerdict[];
}

const ALLOWED: ReadonlySet<Outcome> = new Set(['recovered', 'stopped', 'interrupted']);
export const isDefect = ({ outcome }: Judged): boolean => !ALLOWED.has(outcome);

/** What is known so far of one machine, kept in a file after each attack, so that a sweep goes on where it ended. */
export class Matrix {
  private readonly kept: Kept;

  constructor(
    private readonly file: string,
    machine: string,
  ) {
    this.kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : { machine, kinds: [], judged: [], labs: [] };
  }

  get machine(): string {
    return this.kept.machine;
  }

  /** The kinds of calls that clean runs have made. */
  get kinds(): readonly CallKind[] {
    return this.kept.kinds;
  }

  get cells(): Cell[] {
    return cellsOf(this.kinds);
  }

  get judged(): readonly Judged[] {
    return this.kept.judged;
  }

  get labs(): readonly LabVerdict[] {
    return this.kept.labs;
  }

  left(cells: readonly Cell[]): Cell[] {
    const done = new Set(this.judged.map(({ cell }) => nameOf(cell)));
    return cells.filter((cell) => !done.has(nameOf(cell)));
  }

  /** Forgets how the attacks ended whose names have a text in them, so that they are made again. */
  forget(text: string): void {
    this.kept.judged = this.kept.judged.filter(({ cell }) => !nameOf(cell).includes(text));
    this.save();
  }

  /** A clean run of another laboratory may make a call that the first did not. */
  learn(kinds: readonly CallKind[]): void {
    const known = new Set(this.kinds.map(kindOf));
    this.kept.kinds.push(...kinds.filter((kind) => !known.has(kindOf(kind))));
    this.save();
  }

  add(judged: Judged): void {
    this.kept.judged.push(judged);
    this.save();
  }

  addLab(verdict: LabVerdict): void {
    this.kept.labs.push(verdict);
    this.save();
  }

  private save(): void {
    writeFileSync(`${this.file}.new`, JSON.stringify(this.kept, null, 2));
    renameSync(`${this.file}.new`, this.file);
  }
}
