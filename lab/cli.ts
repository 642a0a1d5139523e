import { pathToFileURL } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import type { StartLab } from './drill/drill-lab.ts';
import type { Verdict } from './drill/judge/verdict.ts';
import { ConsoleProgress, silent } from './drill/progress.ts';
import { NotReadyToDrill, Owner, runDrill } from './drill/run-drill.ts';
import { reportFolder, saveReport } from './drill/save-report.ts';
import type { Scenario } from './drill/scenario.ts';
import { scenarios } from './drill/scenarios/index.ts';
import { describeUnused, unusedInAll } from './drill/unused-rights.ts';
import { stopOnSignals } from './process/signals.ts';

const EXIT = { passed: 0, broken: 1, usage: 2, interrupted: 130 } as const;
/** After an interrupt the parts of the lab have this long to stop in order; then the reaper ends them. */
const STOP_WITHIN_MS = 15_000;

/** A person ended the drill. */
class Interrupted extends Error {}

interface Flags {
  list?: boolean;
  all?: boolean;
  group?: string;
  repeat: number;
  json?: boolean;
  report?: string;
  keep?: boolean;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number, 1 or more.');
  return value;
};

function parse(argv: readonly string[]): { names: string[]; flags: Flags } {
  const command = new Command('drill')
    .description('Rehearse a disaster on this machine: a laboratory of AWS with real PostgreSQL, Lifeboat deployed into it, and a judge.')
    .argument('[scenario...]', 'what to rehearse (default: region-failure)')
    .option('--list', 'say which scenarios there are')
    .option('--all', 'rehearse them all, one after the other, but for those of a group')
    .option('--group <name>', 'rehearse those of a group (safety), one after the other')
    .option('--repeat <n>', 'rehearse so many times', count, 1)
    .option('--json', 'print the result as one JSON object and nothing else')
    .option('--report <dir>', 'where to write the report (default: reports/<time>-<name>)')
    .option('--keep', "keep the laboratory's folder with logs and data")
    .addHelpText('after', '\nExit code: 0 every promise held, 1 a promise was broken, 2 wrong usage or environment, 130 interrupted.')
    .exitOverride()
    .parse(argv, { from: 'user' });
  return { names: command.args, flags: command.opts<Flags>() };
}

function choose(names: readonly string[], flags: Flags): Scenario[] {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new NotReadyToDrill(`No scenario ${unknown.join(', ')}. There are: ${scenarios.map((one) => one.name).join(', ')}`);
  const grouped = scenarios.filter(({ group }) => group === flags.group);
  if (flags.group && grouped.length === 0) throw new NotReadyToDrill(`No scenario is in a group ${flags.group}.`);
  const chosen =
    flags.all || flags.group ? grouped : names.length > 0 ? scenarios.filter((one) => names.includes(one.name)) : scenarios.slice(0, 1);
  return Array.from({ length: flags.repeat }, () => chosen).flat();
}

function list(): void {
  const width = Math.max(...scenarios.map((scenario) => scenario.name.length));
  for (const { name, title, group } of scenarios) console.log(`${name.padEnd(width)}  ${title}${group ? ` (--group ${group})` : ''}`);
}

/** The lab is loaded only when a drill runs: `--help` and `--list` answer at once. */
const startLab: StartLab = async (options) => {
  const { startLab: start } = await import('./lab.ts');
  return start(options);
};

async function rehearse(chosen: readonly Scenario[], flags: Flags): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const [index, scenario] of chosen.entries()) {
    if (!flags.json && chosen.length > 1) console.error(pc.bold(`\n${scenario.name} (${index + 1} of ${chosen.length})`));
    verdicts.push(await rehearseOne(scenario, flags, chosen.length > 1 ? String(index + 1) : undefined));
  }
  return verdicts;
}

async function rehearseOne(scenario: Scenario, flags: Flags, part: string | undefined): Promise<Verdict> {
  const startedAt = new Date();
  const owner = new Owner();
  const aborting = new AbortController();
  const forget = stopOnSignals(async () => {
    aborting.abort(new Error('interrupted'));
    await owner.stop();
  }, STOP_WITHIN_MS);
  try {
    const progress = flags.json ? silent : new ConsoleProgress(process.stderr);
    const verdict = await runDrill(scenario, { startLab, progress, owner, signal: aborting.signal, keep: flags.keep ?? false });
    const folder = flags.report ? (part ? `${flags.report}/${part}-${scenario.name}` : flags.report) : reportFolder(scenario, startedAt);
    const page = saveReport(folder, scenario, verdict);
    if (!flags.json) summarise(verdict, page);
    return verdict;
  } catch (error) {
    throw aborting.signal.aborted ? new Interrupted() : error;
  } finally {
    // After an interrupt the handlers stay: they exit when everything has stopped.
    if (!aborting.signal.aborted) forget();
  }
}

function summarise({ result, promises }: Verdict, page: string): void {
  const { rto, rpo, writers } = result;
  console.log('');
  for (const { text, broken } of promises) console.log(broken ? `${pc.red('✗')} ${text}: ${broken}` : `${pc.green('✓')} ${text}`);
  console.log(
    `\nRTO ${rto.measuredSeconds ?? '∞'} s (objective ${rto.objectiveSeconds} s)   RPO ${rpo.measuredSeconds} s (objective ${rpo.objectiveSeconds} s)`,
  );
  console.log(`${rpo.rowsAcknowledged} orders acknowledged, ${rpo.rowsLost} lost; ${writers.overlappingWrites} overlapping writes`);
  for (const reason of result.passed ? [] : result.reasons) console.log(pc.red(`  ${reason}`));
  console.log(`${result.passed ? pc.green('Promises held') : pc.red('Promise broken')}: ${result.scenario}`);
  console.log(pc.dim(`Report: ${page}`));
}

function printJson(verdicts: readonly Verdict[]): void {
  const results = verdicts.map((verdict) => verdict.result);
  const output = results.length === 1 ? results[0] : { passed: results.every((result) => result.passed), results };
  console.log(JSON.stringify(output, undefined, 2));
}

/** What a role allows and no drill ever did is either for another day or for removal. */
function printUnused(verdicts: readonly Verdict[]): void {
  const lines = describeUnused(unusedInAll(verdicts.map(({ findings }) => findings.evidence.unusedRights)));
  if (lines.length === 0) return;
  console.log(pc.dim('\nRights to change something that no call used in any of these drills:'));
  for (const line of lines) console.log(pc.dim(`  ${line}`));
}

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { names, flags } = parse(argv);
    if (flags.list) {
      list();
      return EXIT.passed;
    }
    const verdicts = await rehearse(choose(names, flags), flags);
    if (flags.json) printJson(verdicts);
    else if (flags.all) printUnused(verdicts);
    const broken = verdicts.filter((verdict) => !verdict.result.passed);
    if (!flags.json && verdicts.length > 1) console.log(`\n${verdicts.length - broken.length} of ${verdicts.length} held their promises.`);
    return broken.length > 0 ? EXIT.broken : EXIT.passed;
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.passed : EXIT.usage;
    console.error(pc.red(error instanceof Error ? error.message : String(error)));
    return EXIT.usage;
  }
}

// The SDK's notice of the Node versions that it will ask for is not this program's news.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const code = await main(process.argv.slice(2));
  // Everything that was started has been stopped: an idle connection to it is no reason to stay.
  process.stdout.write('', () => process.exit(code));
}
