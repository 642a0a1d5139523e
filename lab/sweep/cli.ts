import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ConsoleProgress } from '../drill/progress.ts';
import { Owner, runDrill } from '../drill/run-drill.ts';
import { stopOnSignals } from '../process/signals.ts';
import { Matrix, tableOf } from './matrix.ts';
import { sweepScenario } from './sweep.ts';

const STOP_WITHIN_MS = 15_000;
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const options = new Command('sweep')
  .description('Attack every kind of call that a switchover makes with every fault, in one lab; print the matrix.')
  .option('--sample <n>', 'so many of the attacks', Number)
  .option('--seed <n>', 'which ones', Number, 1)
  .option('--report <dir>', 'where the matrix is kept; a sweep goes on where it ended', 'reports/sweep')
  .parse()
  .opts<{ sample?: number; seed: number; report: string }>();

mkdirSync(options.report, { recursive: true });
const matrix = new Matrix(join(options.report, 'matrix.json'));
const owner = new Owner();
const aborting = new AbortController();
const forget = stopOnSignals(async () => {
  aborting.abort(new Error('interrupted'));
  await owner.stop();
}, STOP_WITHIN_MS);
const { startLab } = await import('../lab.ts');
const scenario = sweepScenario({ matrix, sample: options.sample, seed: options.seed });
const { result, promises } = await runDrill(scenario, {
  startLab,
  progress: new ConsoleProgress(process.stderr),
  owner,
  signal: aborting.signal,
  keep: false,
});
forget();
console.log(tableOf(matrix.judged));
for (const { text, broken } of promises) console.log(broken ? `✗ ${text}: ${broken}` : `✓ ${text}`);
process.exitCode = result.passed ? 0 : 1;
