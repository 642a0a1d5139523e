import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Cell, FAULTS, nameOf } from './cells.ts';

/**
 * How an attack ended. `recovered`: the run ended well, and the site that it names accepts orders. `stopped`: it failed, the workload is
 * served all the same, and a run started again ended well. The others are defects.
 */
export type Outcome = 'recovered' | 'stopped' | 'hang' | 'false success' | 'not served' | 'stuck';
export interface Judged {
  cell: Cell;
  outcome: Outcome;
  detail: string;
}

export const isDefect = ({ outcome }: Judged): boolean => outcome !== 'recovered' && outcome !== 'stopped';

/** What is known so far, kept in a file after each attack so that a sweep goes on where it ended. */
export class Matrix {
  readonly judged: Judged[];

  constructor(private readonly file: string) {
    this.judged = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Judged[]) : [];
  }

  left(cells: readonly Cell[]): Cell[] {
    const done = new Set(this.judged.map(({ cell }) => nameOf(cell)));
    return cells.filter((cell) => !done.has(nameOf(cell)));
  }

  add(judged: Judged): void {
    this.judged.push(judged);
    writeFileSync(this.file, JSON.stringify(this.judged, null, 2));
  }
}

/** A table in Markdown: a row for each call, a column for each fault, and the totals. */
export function tableOf(judged: readonly Judged[]): string {
  const rows = [...new Set(judged.map(({ cell: { step, service, action } }) => `${step} | ${service}:${action}`))];
  const at = (row: string, fault: string) =>
    judged.find(({ cell }) => `${cell.step} | ${cell.service}:${cell.action}` === row && cell.fault === fault)?.outcome ?? '';
  const lines = rows.map((row) => `| ${row} | ${FAULTS.map((fault) => at(row, fault)).join(' | ')} |`);
  const outcomes = [...new Set(judged.map(({ outcome }) => outcome))];
  const totals = outcomes.map((one) => `${one} ${judged.filter(({ outcome }) => outcome === one).length}`);
  return [`| step | call | ${FAULTS.join(' | ')} |`, `|---|---|${FAULTS.map(() => '---|').join('')}`, ...lines, '', totals.join(', ')].join(
    '\n',
  );
}
