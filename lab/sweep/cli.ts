import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { wholeNumber } from '../option.ts';
import { stopOnSignals } from '../process/signals.ts';
import { campaigns } from './campaigns/index.ts';
import { nameOf } from './cells.ts';
import { isDefect, Matrix } from './matrix.ts';
import { sweep } from './sweep.ts';
import { markdownOf, totalsOf } from './table.ts';

const EXIT = { held: 0, broken: 1, usage: 2 } as const;
const STOP_WITHIN_MS = 40_000;

interface Flags {
  machine: string[];
  jobs: number;
  sample?: number;
  only?: string;
  seed: number;
  report: string;
  perLab: number;
  list?: boolean;
  json?: boolean;
}

const names = campaigns.map(({ name }) => name);

function parse(): Flags {
  return new Command('sweep')
    .description(
      'Attack every kind of AWS call that a machine makes, with every fault, in laboratories of AWS; judge each attack; print the matrix.',
    )
    .option('--machine <name...>', `which machines (${names.join(', ')})`, names)
    .option('--jobs <n>', 'laboratories at once (about half a core and 3 GB each)', wholeNumber, 1)
    .option('--sample <n>', 'so many attacks on each machine; all where it is left out', wholeNumber)
    .option('--only <text>', 'those attacks whose name has this text in it, also where the report folder knows them already')
    .option('--seed <n>', 'in which order, and so which ones of a sample', wholeNumber, 1)
    .option('--per-lab <n>', 'so many attacks before a new laboratory is started', wholeNumber, 20)
    .option('--report <dir>', 'where the matrices are kept; a sweep goes on where it ended', 'reports/sweep')
    .option('--list', 'say what is known of each machine in the report folder, and attack nothing')
    .option('--json', 'print one JSON document on standard output, and nothing else there')
    .addHelpText(
      'after',
      '\nExit code: 0 no defect, 1 a defect, 2 wrong usage, 130 interrupted. An attack that the report folder knows is not made again.',
    )
    .exitOverride()
    .parse()
    .opts<Flags>();
}

async function main(): Promise<number> {
  const flags = parse();
  const unknown = flags.machine.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`No machine ${unknown.join(', ')}. There are: ${names.join(', ')}`);
  mkdirSync(flags.report, { recursive: true });
  const matrices = flags.machine.map((name) => new Matrix(join(flags.report, `${name}.json`), name));
  const say = (line: string): void => console.error(line);
  if (flags.list) {
    for (const matrix of matrices) list(matrix);
    return EXIT.held;
  }
  const aborting = new AbortController();
  let under: Promise<void> = Promise.resolve();
  const forget = stopOnSignals(async () => {
    aborting.abort();
    await under;
  }, STOP_WITHIN_MS);
  const { jobs, seed, perLab: perLaboratory } = flags;
  for (const matrix of matrices) {
    const phase = (number: number, text: string): void => void (process.stderr.isTTY && say(`  ${number}: ${text}`));
    if (flags.only) matrix.forget(flags.only);
    under = sweep({ matrix, jobs, perLaboratory, sample: flags.sample, only: flags.only, seed, say, phase, signal: aborting.signal });
    await under;
  }
  if (!aborting.signal.aborted) forget();
  return conclude(matrices, flags);
}

function conclude(matrices: readonly Matrix[], flags: Flags): number {
  const command = `npm run sweep -- --machine ${flags.machine.join(' ')}${flags.sample ? ` --sample ${flags.sample}` : ''} --seed ${flags.seed}`;
  const text = matrices.map((matrix) => markdownOf(matrix, command)).join('\n');
  writeFileSync(join(flags.report, 'matrix.md'), text);
  const held = matrices.every(({ judged, labs }) => !judged.some(isDefect) && labs.every(({ broken }) => broken.length === 0));
  const machines = matrices.map(({ machine, cells, judged, labs }) => ({ machine, attacks: cells.length, judged, labs }));
  console.log(flags.json ? JSON.stringify({ held, machines }, undefined, 2) : text);
  return held ? EXIT.held : EXIT.broken;
}

function list(matrix: Matrix): void {
  const { machine, cells, judged } = matrix;
  console.log(`${machine}: ${judged.length} of ${cells.length} attacks made${judged.length > 0 ? `: ${totalsOf(matrix)}` : ''}`);
  for (const cell of matrix.left(cells)) console.log(`  ${nameOf(cell)}`);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof CommanderError)) console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof CommanderError && error.exitCode === 0 ? EXIT.held : EXIT.usage;
}
