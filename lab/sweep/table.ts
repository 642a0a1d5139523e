import { FAULTS, type FaultName, kindOf } from './cells.ts';
import { isDefect, type Judged, type Matrix, OUTCOMES, type Outcome } from './matrix.ts';

const MARKS: Partial<Record<Outcome, string>> = { recovered: '✓', stopped: '■', interrupted: '▶' };
/** AWS could answer nothing wrong to this call. */
const NO_SUCH_FAULT = '–';

/** A matrix as Markdown: a row for each kind of call, a column for each fault, the totals, and each defect in words. */
export function markdownOf(matrix: Matrix, command: string): string {
  const { machine, kinds, cells, judged, labs } = matrix;
  const rows = kinds.map((kind) => {
    const own = judged.filter(({ cell }) => kindOf(cell) === kindOf(kind));
    const of = (fault: FaultName) => own.filter(({ cell }) => cell.fault === fault);
    const exists = (fault: FaultName) => cells.some((cell) => kindOf(cell) === kindOf(kind) && cell.fault === fault);
    return `| ${kind.step} | ${kind.service}:${kind.action} | ${FAULTS.map((fault) => (exists(fault) ? markOf(of(fault)) : NO_SUCH_FAULT)).join(' | ')} |`;
  });
  const defects = judged.filter(isDefect);
  return [
    `## ${machine}`,
    '',
    `${judged.length} of ${cells.length} attacks were run, in ${labs.length} laboratories: ${totalsOf(matrix)}.`,
    historyOf(matrix),
    '',
    `Made by \`${command}\`.`,
    '',
    `| step | call | ${FAULTS.join(' | ')} |`,
    `|---|---|${FAULTS.map(() => '---|').join('')}`,
    ...rows,
    ...(defects.length > 0 ? ['', 'Defects:', ''] : []),
    ...defects.map(
      ({ cell, outcome, detail }) =>
        `- ${kindOf(cell)}, ${cell.fault}${cell.lie ? ` (${cell.lie})` : ''}: **${outcome}**. ${detail.slice(0, 300)}`,
    ),
    '',
  ].join('\n');
}

/** What the whole history of the laboratories says; those that were stopped before their end say nothing. */
function historyOf({ labs }: Matrix): string {
  const broken = labs.flatMap((lab) => lab.broken);
  if (labs.length === 0) return 'No laboratory came to its end: each attack was judged, and no whole history.';
  if (broken.length > 0) return `Broken over the history of a laboratory: ${broken.join('; ')}.`;
  return 'Over the whole history of each laboratory what its campaign promises was held.';
}

/** `recovered 12, stopped 3, hang 0, ...`: every outcome by name, also those that never came. */
export const totalsOf = ({ judged }: Matrix): string =>
  Object.keys(OUTCOMES)
    .map((outcome) => `${outcome} ${judged.filter((one) => one.outcome === outcome).length}`)
    .join(', ');

const markOf = (judged: readonly Judged[]): string =>
  judged.map(({ cell, outcome }) => `${MARKS[outcome] ?? `**${outcome}**`}${cell.lie ? ` ${cell.lie}` : ''}`).join(', ');
