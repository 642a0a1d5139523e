import { Command, CommanderError } from 'commander';
import hundreds from '../environments/hundreds.ts';
import { Machines } from '../lab/drill/machines.ts';
import { ConsoleProgress, type Progress, silent } from '../lab/drill/progress.ts';
import { Owner } from '../lab/drill/run-drill.ts';
import { startLab } from '../lab/lab.ts';
import { stopOnSignals } from '../lab/process/signals.ts';
import { lease, provision } from './account.ts';
import { type Asked, askedOf } from './asked.ts';

const EXIT = { held: 0, broken: 1, usage: 2 } as const;
/** Describe and list calls by database and poll. */
const MOST = 0.2;
const WARM_MS = 300_000;
/** The machine looks every half a minute at last, and twenty copies are under way at once: 300 of them took 320 s. */
const ENDS_WITHIN_MS = 2_400_000;
const STOP_WITHIN_MS = 30_000;

interface Result {
  databases: number;
  status: string;
  seconds: number;
  steps: Asked[];
}

const { name: environment, sites, workloads } = hundreds;
const databases = workloads.flatMap((workload) => workload.databases).length;

/** Deploys the environment into a laboratory in which nothing starts by itself, and runs the backup machine once, as a person does. */
async function backUp(owner: Owner, progress: Progress, signal: AbortSignal): Promise<Result> {
  progress.phase('Start the lab');
  const images = async () => ({});
  const lab = owner.own(
    await startLab({ images, keep: false, warmMs: WARM_MS, still: true, signal, progress: (text) => progress.say(text) }),
  );
  await provision(lab);
  progress.phase(`Deploy Lifeboat for ${databases} databases`);
  await lab.deploy((text) => progress.say(text), signal, environment);
  await lease(lab);
  const machines = new Machines(
    { lab, environment, note: (event) => progress.say(event), parts: { signal, progress } },
    sites.primary.region,
  );
  const arn = await machines.start('backup', { tier: 'daily' });
  progress.phase('The backup machine runs');
  const ended = await machines.ended(arn, ENDS_WITHIN_MS);
  const runs = await machines.invoked(arn);
  machines.close();
  return { databases, status: ended.status, seconds: ended.seconds, steps: askedOf(lab.calls(), runs, databases) };
}

function print({ status, seconds, steps }: Result): void {
  console.log(`\n${status} after ${seconds.toFixed(0)} s`);
  for (const { step, polls, lists, perDatabaseAndPoll, refused } of steps)
    console.log(
      `${step.padEnd(24)} ${polls} polls, ${lists} lists, ${perDatabaseAndPoll.toFixed(3)} by database and poll, ${refused.length} refused`,
    );
}

async function main(): Promise<number> {
  const { json } = new Command('bench')
    .description(`Back up ${databases} databases, which exist in the API alone, with the deployed machine, and count what it asks RDS.`)
    .option('--json', 'print one JSON document on standard output, and nothing else there')
    .addHelpText('after', '\nAbout seven minutes. Exit code: 0 within the quotas, 1 not, 2 wrong usage or environment, 130 interrupted.')
    .exitOverride()
    .parse()
    .opts<{ json?: boolean }>();
  const aborting = new AbortController();
  const owner = new Owner();
  const forget = stopOnSignals(async () => {
    aborting.abort(new Error('interrupted'));
    await owner.stop();
  }, STOP_WITHIN_MS);
  const progress = json ? silent : new ConsoleProgress(process.stderr);
  const result = await backUp(owner, progress, aborting.signal).finally(() => owner.stop());
  progress.end();
  forget();
  if (json) console.log(JSON.stringify(result, undefined, 2));
  else print(result);
  const { status, steps } = result;
  // A history that cannot be read shows no step, and so nothing that was asked.
  const isWithin = steps.length > 0 && steps.every(({ perDatabaseAndPoll, refused }) => perDatabaseAndPoll <= MOST && refused.length === 0);
  const held = status === 'SUCCEEDED' && isWithin;
  return held ? EXIT.held : EXIT.broken;
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const code = await main().catch((error) => {
  if (!(error instanceof CommanderError)) console.error(error instanceof Error ? error.message : String(error));
  return error instanceof CommanderError && error.exitCode === 0 ? EXIT.held : EXIT.usage;
});
process.stdout.write('', () => process.exit(code));
