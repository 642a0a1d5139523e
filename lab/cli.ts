import { pathToFileURL } from 'node:url';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import type { StartLab } from './drill/drill-lab.ts';
import { FleetDisplay, fleetTable, silentDisplay } from './drill/fleet/display.ts';
import { runFleet } from './drill/fleet/fleet.ts';
import { jobsOf, type Outcome, passed } from './drill/fleet/job.ts';
import type { Verdict } from './drill/judge/verdict.ts';
import { ConsoleProgress, type Progress, silent, toFleet } from './drill/progress.ts';
import { describeUnused, unusedInAll } from './drill/rights.ts';
import { NotReadyToDrill, Owner, runDrill } from './drill/run-drill.ts';
import { reportFolder, saveReport } from './drill/save-report.ts';
import type { Scenario } from './drill/scenario.ts';
import { scenarios } from './drill/scenarios/index.ts';
import type { Right } from './iam/access.ts';
import { wholeNumber } from './option.ts';
import { stopOnSignals } from './process/signals.ts';

const EXIT = { passed: 0, broken: 1, usage: 2, interrupted: 130 } as const;
/** After an interrupt the parts of the lab have this long to stop in order; then the reaper ends them. */
const STOP_WITHIN_MS = 30_000;

/** A person ended the drill. */
class Interrupted extends Error {}

interface Flags {
  list?: boolean;
  all?: boolean;
  group?: string[];
  repeat: number;
  jobs: number;
  json?: boolean;
  report?: string;
  keep?: boolean;
}

function parse(argv: readonly string[]): { names: string[]; flags: Flags } {
  const command = new Command('drill')
    .description('Rehearse a disaster on this machine: a laboratory of AWS with real PostgreSQL, Lifeboat deployed into it, and a judge.')
    .argument('[scenario...]', 'what to rehearse (default: region-failure)')
    .option('--list', 'say which scenarios there are')
    .option('--all', 'rehearse them all, but for those of a group')
    .option('--group <name...>', 'rehearse those of these groups (safety, backup), too')
    .option('--repeat <n>', 'rehearse so many times', wholeNumber, 1)
    .option('--jobs <n>', 'drills at once, each with a laboratory of its own (about two cores and 2 GB each)', wholeNumber, 1)
    .option('--json', 'print the result as one JSON object and nothing else')
    .option('--report <dir>', 'where to write the report (default: reports/<time>-<name>); of several drills, a folder for each in it')
    .option('--keep', "keep the laboratory's folder with logs and data")
    .addHelpText('after', '\nExit code: 0 every promise held, 1 a promise was broken, 2 wrong usage or environment, 130 interrupted.')
    .exitOverride()
    .parse(argv, { from: 'user' });
  return { names: command.args, flags: command.opts<Flags>() };
}

/** Names, groups and `--all` add up; without any of them it is the first scenario. */
function choose(names: readonly string[], { all, group = [], repeat }: Flags): Scenario[] {
  const unknown = names.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (unknown.length > 0)
    throw new NotReadyToDrill(`No scenario ${unknown.join(', ')}. There are: ${scenarios.map((one) => one.name).join(', ')}`);
  const groups = new Set(scenarios.flatMap((scenario) => scenario.group ?? []));
  const empty = group.filter((name) => !groups.has(name));
  if (empty.length > 0) throw new NotReadyToDrill(`No scenario is in a group ${empty.join(', ')}. There are: ${[...groups].join(', ')}`);
  const isMeant = (one: Scenario) => names.includes(one.name) || (one.group === undefined ? all === true : group.includes(one.group));
  const chosen = scenarios.filter(isMeant);
  return Array.from({ length: repeat }, () => (chosen.length > 0 ? chosen : scenarios.slice(0, 1))).flat();
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

/** One drill in this process. */
async function rehearseOne(scenario: Scenario, flags: Flags): Promise<number> {
  const startedAt = new Date();
  const owner = new Owner();
  const verdict = await interruptible(
    (signal) => runDrill(scenario, { startLab, progress: progressFor(flags), owner, signal, keep: flags.keep ?? false }),
    () => owner.stop(),
  );
  const page = saveReport(flags.report ?? reportFolder(scenario.name, startedAt), scenario, verdict);
  if (flags.json) console.log(JSON.stringify(verdict.result, undefined, 2));
  else summarise(verdict, page);
  return verdict.result.passed ? EXIT.passed : EXIT.broken;
}

function progressFor({ json }: Flags): Progress {
  if (process.send) return toFleet((news) => void (process.connected && process.send?.(news)));
  return json ? silent : new ConsoleProgress(process.stderr);
}

/** Several drills, each in a process of its own. */
async function rehearse(chosen: readonly Scenario[], flags: Flags): Promise<number> {
  const names = chosen.map(({ name }) => name);
  const folder = flags.report ?? reportFolder('drills', new Date());
  const display = flags.json ? silentDisplay : new FleetDisplay(process.stderr, names.length);
  const { jobs, keep = false } = flags;
  let fleet: Promise<Outcome[]> | undefined;
  const outcomes = await interruptible(
    (signal) => {
      fleet = runFleet(jobsOf(names, folder), { jobs, keep, display, signal });
      return fleet;
    },
    async () => void (await fleet),
  );
  const unused = unusedInAll(outcomes.flatMap(({ rights }) => rights ?? []));
  if (flags.json) console.log(JSON.stringify(documentOf(outcomes, unused), undefined, 2));
  else summariseFleet(outcomes, unused, folder);
  return outcomes.every(passed) ? EXIT.passed : EXIT.broken;
}

/** Runs work that a signal stops in order; then it is `Interrupted`. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, stop: () => Promise<void>): Promise<T> {
  const aborting = new AbortController();
  const forget = stopOnSignals(async () => {
    aborting.abort(new Error('interrupted'));
    await stop();
  }, STOP_WITHIN_MS);
  try {
    const result = await work(aborting.signal);
    aborting.signal.throwIfAborted();
    return result;
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

function documentOf(outcomes: readonly Outcome[], unusedRights: readonly Right[]): object {
  const results = outcomes.map(
    ({ job, result, why }) => result ?? { scenario: job.scenario, passed: false, reasons: [`no verdict: ${why}`] },
  );
  return { passed: outcomes.every(passed), results, unusedRights };
}

function summariseFleet(outcomes: readonly Outcome[], unused: readonly Right[], folder: string): void {
  console.log(`\n${fleetTable(outcomes)}\n\n${outcomes.filter(passed).length} of ${outcomes.length} held their promises.`);
  console.log(pc.dim(`Reports: ${folder}`));
  if (unused.length === 0) return;
  // What a role allows and no drill ever did is either for another day or for removal.
  console.log(pc.dim('\nRights to change something that no call used in any of these drills:'));
  for (const line of describeUnused(unused)) console.log(pc.dim(`  ${line}`));
}

/** Runs the command line; resolves to the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const { names, flags } = parse(argv);
    if (flags.list) {
      list();
      return EXIT.passed;
    }
    const chosen = choose(names, flags);
    return await (chosen.length === 1 ? rehearseOne(chosen[0]!, flags) : rehearse(chosen, flags));
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted;
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.passed : EXIT.usage;
    console.error(pc.red(error instanceof Error ? error.message : String(error)));
    return EXIT.usage;
  }
}

// The SDK's notice of the Node versions that it will ask for is not this program's news.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

// In a fleet: when the process that waits for the verdict is gone, nobody does.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const code = await main(process.argv.slice(2));
  // Everything that was started has been stopped: an idle connection to it is no reason to stay.
  process.stdout.write('', () => process.exit(code));
}
