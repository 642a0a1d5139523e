import { setTimeout as sleep } from 'node:timers/promises';
import type { Drill } from '../../drill/drill.ts';
import { callsOfRun } from '../../drill/judge/calls.ts';
import { lossWithin, noRun, oneWriter, type Promised, servedBy } from '../../drill/judge/promises.ts';
import { type Ended, Machines } from '../../drill/machines.ts';
import { BackupView } from '../../drill/recovery-points.ts';
import { takeProvenPoint } from '../../drill/restores.ts';
import type { Region } from '../../types.ts';
import type { Attempt } from '../../workload/attempt.ts';
import type { Campaign } from '../campaign.ts';
import { type CallKind, type Cell, kindOf, kindsOf } from '../cells.ts';
import type { Outcome } from '../matrix.ts';
import { isServed, isTold } from './judge.ts';
import { Seen } from './seen.ts';
import { runUnderFault } from './under-fault.ts';

/** A machine in a laboratory, and what is there of backups. */
export interface Bench {
  drill: Drill;
  view: BackupView;
  /** Where the machine is. */
  region: Region;
}

/** A run, and what it was given. */
export interface TaskRun extends Ended {
  input: object;
}

export interface TaskOptions {
  name: string;
  machine: string;
  /** Lifeboat's environment that is deployed; `sweep-backup` where it is left out. */
  environment?: string;
  prepare?: Campaign['prepare'];
  /** ARNs of roles in another account that its functions take on: their calls are attacked too. */
  roles?: readonly string[];
  /** Of the calls that it makes those that are attacked; all where it is left out. */
  attacks?: (kind: CallKind) => boolean;
  /** Of a laboratory's whole history, beside that the primary site is the only writer and no failover starts. */
  promises?: readonly Promised[];
  destroysDatabases?: Campaign['destroysDatabases'];
  /** Where it runs, and the region that `dark-here` takes. */
  places: (drill: Drill) => { region: Region; dark: Region };
  /** What the next run is given. A proven recovery point is there. */
  input: (bench: Bench) => Promise<object>;
  /** Why what is called good after a run is not; nothing where all of it is. */
  falsePass: (bench: Bench, run: TaskRun) => Promise<string | undefined>;
  /** For a run that failed: what goes on with it, where there is only forward. Where it is left out, what was there serves on after each failure. */
  goesOn?: (bench: Bench, run: TaskRun) => Promise<object | undefined>;
  /** What the clients' history of an attack does not allow, once all is done that was to be done. */
  history?: (bench: Bench, attempts: readonly Attempt[]) => Promise<[Outcome, string] | undefined>;
  /** Has the janitors at their work after these runs, and names what they leave. */
  leftovers: (bench: Bench, runs: readonly TaskRun[]) => Promise<string[]>;
}

/** Over the longest wait of a single step in the environment `sweep-backup`, 600 s for an answer, with the runs before and after it. */
const RUN_WITHIN_MS = 1_000_000;
const READY_WITHIN_MS = 180_000;
/** Killed at its last call, a run may be over all the same. */
const HAS_ENDED_WELL = /has ended well/;
/** What a function does on after its run was stopped. */
const SETTLED_AFTER_MS = 6_000;

/** A machine that moves nothing to another site, swept: the workload stays where it is, whatever befalls the machine. */
export const taskCampaign = (options: TaskOptions): Campaign => ({
  name: options.name,
  environment: options.environment ?? 'sweep-backup',
  prepare: options.prepare,
  destroysDatabases: options.destroysDatabases,
  promises: [...(options.promises ?? [lossWithin(0)]), oneWriter(), noRun(), servedBy('primary')],
  clean: (drill) =>
    at(drill, options, async (task) => {
      const runs = [await runClean(task), await runClean(task)];
      const functions = await principals(task);
      const kinds = runs.map((run) => kindsOf(callsOfRun(drill.lab.calls(), { ...run, region: task.region, functions })));
      await options.leftovers(task, runs);
      const { attacks = () => true } = options;
      return kinds.flat().filter((kind, i, all) => attacks(kind) && all.findIndex((one) => kindOf(one) === kindOf(kind)) === i);
    }),
  attack: (drill, cell) =>
    at(drill, options, async (task) => {
      const beganAt = Date.now();
      const [outcome, detail] = await attack(task, cell);
      const isReady = await isServed(drill, drill.primary);
      const seconds = Math.round((Date.now() - beganAt) / 1_000);
      if (!isReady) return { cell, outcome: 'not served', detail: `${drill.primary} accepts no orders; ${outcome} ${detail}`, seconds };
      await drill.replicates(drill.recovery, READY_WITHIN_MS);
      return { cell, outcome, detail, seconds };
    }),
});

interface Task extends Bench {
  machines: Machines;
  options: TaskOptions;
}

async function at<T>(drill: Drill, options: TaskOptions, work: (task: Task) => Promise<T>): Promise<T> {
  const { region } = options.places(drill);
  const machines = new Machines(drill, region);
  const view = new BackupView(drill, drill.environment);
  try {
    await provenPoint(drill, view);
    return await work({ drill, view, region, machines, options });
  } finally {
    machines.close();
  }
}

/** Whose calls are the machine's: its functions', and those of the roles that these take on. */
async function principals({ machines, options }: Task): Promise<string[]> {
  return [...(await machines.functions(options.machine)), ...(options.roles ?? [])];
}

async function provenPoint(drill: Drill, view: BackupView): Promise<void> {
  if ((await view.points()).some(({ standing }) => standing === 'verified')) return;
  const home = new Machines(drill, drill.primary);
  await takeProvenPoint(home).finally(() => home.close());
}

async function runClean(task: Task, given?: object): Promise<TaskRun> {
  const { machines, options } = task;
  const input = given ?? (await options.input(task));
  const run = { ...(await machines.run(options.machine, input, RUN_WITHIN_MS)), input };
  if (run.status !== 'SUCCEEDED') throw new Error(`the run is ${run.status}: ${run.cause ?? ''} ${JSON.stringify(run.output)}`);
  const wrong = await options.falsePass(task, run);
  if (wrong) throw new Error(`the run succeeded: ${wrong}`);
  return run;
}

/** The run under the fault; all is mended; where it failed, it is gone on with, or the next one must do what it was for. */
async function attack(task: Task, cell: Cell): Promise<[Outcome, string]> {
  const { drill, options } = task;
  const seen = Seen.of(drill);
  const first = await underFault(task, cell);
  if (!first) return ['hang', `the run did not end in ${RUN_WITHIN_MS / 1_000} s`];
  if (cell.fault === 'killed') await sleep(SETTLED_AFTER_MS);
  const detail = first.status === 'SUCCEEDED' ? '' : `${first.status}: ${first.cause ?? ''}`;
  const wrong = await options.falsePass(task, first);
  if (wrong) return ['false pass', `${wrong} ${detail}`];
  if (first.status === 'SUCCEEDED') return (await defect(task, seen, [first])) ?? ['recovered', ''];
  const functions = await task.machines.functions(options.machine);
  if (!isTold(drill, { ...first, region: task.region, functions }, options.machine)) return ['nobody told', detail];
  const goesOn = await options.goesOn?.(task, first);
  if (!goesOn && !(await isServed(drill, drill.primary))) return ['not served', detail];
  const again = await runClean(task, goesOn).catch((error: Error) => error);
  drill.parts.signal.throwIfAborted();
  if (again instanceof Error && !(goesOn && HAS_ENDED_WELL.test(again.message))) return ['stuck', `${detail}; again: ${again.message}`];
  const runs = again instanceof Error ? [first] : [first, again];
  return (await defect(task, seen, runs)) ?? [goesOn ? 'interrupted' : 'stopped', detail];
}

async function underFault(task: Task, cell: Cell): Promise<TaskRun | undefined> {
  const { drill, region, machines, options } = task;
  const functions = await principals(task);
  const input = await options.input(task);
  const ended = await runUnderFault(drill, cell, {
    source: region,
    functions,
    dark: options.places(drill).dark,
    start: () => machines.start(options.machine, input),
    ends: (arn) => machines.ended(arn, RUN_WITHIN_MS),
    stop: (arn) => machines.stop(arn),
  });
  return ended && { ...ended, input };
}

async function defect(task: Task, seen: Seen, runs: readonly TaskRun[]): Promise<[Outcome, string] | undefined> {
  const found = await task.options.history?.(task, seen.since());
  const names = await task.options.leftovers(task, runs);
  if (found) return found;
  return names.length === 0 ? undefined : ['leftover', names.join(', ')];
}
