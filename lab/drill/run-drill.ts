import { join } from 'node:path';
import type { Stoppable } from '../types.ts';
import { bundleWorkload, type WorkloadPrograms } from '../workload/bundle.ts';
import { workloadImages } from '../workload/image.ts';
import { ISOLATING_GROUP, PUBLIC_NAME, provisionWorkload } from '../workload/provision.ts';
import { PAYMENTS_HOST, REFERENCE_HOST, StubHost } from '../workload/stub-hosts.ts';
import { WritingClient } from '../workload/writing-client.ts';
import { Drill } from './drill.ts';
import type { StartLab } from './drill-lab.ts';
import { readExports } from './exports.ts';
import type { Evidence, ExportedRows } from './judge/evidence.ts';
import { judge, type Verdict } from './judge/verdict.ts';
import type { Progress } from './progress.ts';
import { readRows } from './rows.ts';
import type { Scenario } from './scenario.ts';
import { readSetAside } from './set-aside.ts';
import { steadyState } from './steady.ts';
import { Watcher } from './watcher.ts';

export interface RunOptions {
  startLab: StartLab;
  progress: Progress;
  signal: AbortSignal;
  keep: boolean;
  /** So many orders are acknowledged before anything is broken. */
  steadyWrites?: number;
  pace?: Partial<Pace>;
  /** Told of everything that has to be stopped as soon as it exists, so that an interrupt stops it too. */
  owner: Owner;
}

/** How busy the laboratory is kept, and what for; a scenario's writes are counted at the default. */
export interface Pace {
  ordersPerSecond: number;
  /** Of a client inside a region. */
  insidePerSecond: number;
  /** Between two looks at alarms and executions. */
  lookMs: number;
  /** How long an idle sandbox stays warm; AWS keeps one for minutes. Over the minute of the schedules: all functions starting cold at once are seconds of both cores. */
  warmMs: number;
}

const PACE: Pace = { ordersPerSecond: 50, insidePerSecond: 20, lookMs: 500, warmMs: 90_000 };

/** What stands before a drill could begin: the machine, the lab or the deployment, not a promise. */
export class NotReadyToDrill extends Error {}

/** Stops what was started, in the reverse order, once. */
export class Owner implements Stoppable {
  private readonly owned: Stoppable[] = [];

  own<T extends Stoppable>(thing: T): T {
    this.owned.push(thing);
    return thing;
  }

  async stop(): Promise<void> {
    for (let thing = this.owned.pop(); thing; thing = this.owned.pop()) await thing.stop();
  }
}

const ACTIVE_READ_WITHIN_MS = 20_000;
const OTHER_READ_WITHIN_MS = 20_000;
const RETURN_WITHIN_MS = 30_000;

/** One drill from nothing to the verdict: lab, workload, Lifeboat, steady state, fault, judgement. Everything started is stopped. */
export async function runDrill(scenario: Scenario, options: RunOptions): Promise<Verdict> {
  const { progress, owner } = options;
  let ended = false;
  try {
    const drill = await prepare(options, scenario.environment).catch((error: Error) => {
      options.signal.throwIfAborted();
      throw new NotReadyToDrill(error.message, { cause: error });
    });
    const trouble = await runScenario(scenario, drill);
    progress.phase('Judge');
    const verdict = judge(scenario, await collect(drill), trouble);
    progress.phase('Stop the lab');
    ended = true;
    return verdict;
  } finally {
    if (!ended) progress.end(true);
    await owner.stop();
    progress.end();
  }
}

async function prepare(options: RunOptions, environment = 'demo'): Promise<Drill> {
  const { progress, signal, owner, keep } = options;
  const { ordersPerSecond, insidePerSecond, lookMs, warmMs } = { ...PACE, ...options.pace };
  progress.phase('Start the lab');
  let bundled: Promise<WorkloadPrograms> | undefined;
  const bundle = (folder: string): Promise<WorkloadPrograms> => {
    bundled ??= bundleWorkload(join(folder, 'workload'));
    return bundled;
  };
  const images = async (folder: string) => workloadImages(await bundle(folder));
  const lab = owner.own(await options.startLab({ images, keep, warmMs, signal, progress: (text) => progress.say(text) }));
  const programs = await bundle(lab.folder);
  const { network } = lab;
  const payments = owner.own(await StubHost.start(PAYMENTS_HOST, network));
  const reference = owner.own(await StubHost.start(REFERENCE_HOST, network));
  signal.throwIfAborted();
  progress.phase('Provision the workload');
  const workload = await provisionWorkload({ endpoint: (zone) => lab.endpoint(zone), credentials: lab.credentials, network });
  await lab.isolate(ISOLATING_GROUP);
  signal.throwIfAborted();
  progress.phase('Deploy Lifeboat');
  await lab.deploy((text) => progress.say(text), signal, environment);
  signal.throwIfAborted();
  const ledger = join(lab.folder, 'client-ledger.jsonl');
  const client = owner.own(
    new WritingClient({
      processes: lab.processes,
      network,
      program: programs.client,
      target: PUBLIC_NAME,
      dnsPort: lab.dnsPort,
      ledger,
      ratePerSecond: ordersPerSecond,
    }),
  );
  const watcher = owner.own(new Watcher(lab, [workload.primary.region, workload.recovery.region], lookMs));
  const startInside = (region: string): WritingClient => {
    const target = (region === workload.primary.region ? workload.primary : workload.recovery).loadBalancerHost;
    const name = `inside-${region}`;
    const own = { program: programs.client, zone: region, target, name, ledger: join(lab.folder, `${name}-ledger.jsonl`) };
    return owner.own(new WritingClient({ processes: lab.processes, network, ...own, ratePerSecond: insidePerSecond, concurrency: 8 }));
  };
  const drill = new Drill({ lab, workload, environment, client, startInside, watcher, payments, reference, progress, signal });
  watcher.start();
  await steadyState(drill, options.steadyWrites ?? 250);
  progress.phase('Install the database lease');
  await lab.lifeboat(drill.primary, drill.primary, ['lease', 'install', '--database', 'orders', '--env', environment], signal);
  return drill;
}

/** Runs the scenario; what kept it from its end is a reason, not an error: the judge still looks at what happened. */
async function runScenario(scenario: Scenario, drill: Drill): Promise<string | undefined> {
  try {
    await scenario.run(drill);
    return undefined;
  } catch (error) {
    drill.parts.signal.throwIfAborted();
    const trouble = error instanceof Error ? error.message : String(error);
    drill.note(trouble);
    return trouble;
  }
}

async function collect(drill: Drill): Promise<Evidence> {
  const { client, lab, watcher } = drill.parts;
  const insiders = [...drill.insiders.values()];
  await Promise.all([client, ...insiders].map((one) => one.stop()));
  await watcher.look();
  const calls = [...lab.calls()];
  const executions = watcher.executions;
  const alarms = [...watcher.alarms].sort((a, b) => a.at - b.at);
  const regions = [drill.recovery, drill.primary].sort((region) => (lab.world.isDark(region) ? 1 : -1));
  const databases: Evidence['databases'] = [];
  for (const region of regions) {
    const wasDark = lab.world.isDark(region);
    if (wasDark) await returns(drill, region);
    databases.push(await readRows(drill.at(region), wasDark ? OTHER_READ_WITHIN_MS : ACTIVE_READ_WITHIN_MS));
  }
  const setAside = (await Promise.all(regions.map((region) => readSetAside(drill, region)))).flat();
  const exports = await Promise.all(regions.map((region) => exportsOf(drill, region)));
  return {
    home: { primary: drill.primary, recovery: drill.recovery },
    faultAt: drill.faultAt ?? Date.now(),
    failed: drill.failed,
    moves: drill.moves,
    attempts: client.attempts,
    insiders: insiders.flatMap(({ attempts }) => attempts),
    setAside,
    exports,
    databases,
    executions,
    alarms,
    calls,
    rights: lab.useOfRights(),
    environment: drill.environment,
    timeline: [...drill.timeline].sort((a, b) => a.at - b.at),
  };
}

/** A bucket that cannot be read shows nothing, and a scenario that promises an export then fails. */
const exportsOf = (drill: Drill, site: string): Promise<ExportedRows> =>
  readExports(drill.lab, site).catch((error: Error) => {
    drill.note(`the exports in ${site} cannot be read: ${error.message}`);
    return { site, searches: 0, counted: 0, orders: [] };
  });

/** The dead region comes back after the drill, so that what its database held can be compared. */
async function returns(drill: Drill, region: string): Promise<void> {
  const bound = new Promise<never>((_resolve, reject) => {
    setTimeout(() => reject(new Error(`not within ${RETURN_WITHIN_MS / 1_000} s`)), RETURN_WITHIN_MS).unref();
  });
  drill.note(`${region} returns, to compare its database`, 'fault');
  await Promise.race([drill.lab.world.restore(region), bound]).catch((error: Error) =>
    drill.note(`${region} did not return: ${error.message}`),
  );
}
