import { setTimeout as sleep } from 'node:timers/promises';
import type { Drill } from '../../drill/drill.ts';
import { callsOfRun } from '../../drill/judge/calls.ts';
import type { Execution } from '../../drill/judge/evidence.ts';
import { activeSite } from '../../drill/judge/loss.ts';
import { everythingKept, oneWriter, oneWriterAtATime, type Promised } from '../../drill/judge/promises.ts';
import type { Region } from '../../types.ts';
import type { Campaign } from '../campaign.ts';
import { type Cell, kindsOf, nameOf } from '../cells.ts';
import type { Outcome } from '../matrix.ts';
import { hasTaken, historyDefect, isServed, isTold } from './judge.ts';
import { Seen } from './seen.ts';
import { runUnderFault } from './under-fault.ts';

/** Where a workload is, and where it shall go. */
export interface Way {
  drill: Drill;
  from: Region;
  to: Region;
}

export interface MoveOptions {
  /** The mode of the machine. */
  name: string;
  promises: readonly Promised[];
  losesNothing: boolean;
  /** The region that `dark-here` takes. */
  darkens: (way: Way) => Region;
  /** Makes the reason for the move; resolves with what takes it away again. */
  begin: (way: Way) => Promise<() => void>;
}

/** Over the longest time that the machine of the environment `sweep` gives itself. */
const RUN_WITHIN_MS = 900_000;
const READY_WITHIN_MS = 300_000;
/** An observer's loop starts anew every minute, and may start up to a minute late. */
const LOOKS_WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 2_000;
const ENVIRONMENT = 'sweep';
const RECONCILER = `lifeboat-${ENVIRONMENT}-reconcile-site`;

/** The machine that moves the workload, swept in one of its modes: to and fro between the sites, each time under another attack. */
export const moveCampaign = (options: MoveOptions): Campaign => ({
  name: options.name,
  environment: ENVIRONMENT,
  promises: [oneWriter(), oneWriterAtATime(), everythingKept(), ...options.promises],
  async clean(drill) {
    const way = wayOf(drill);
    const heal = await options.begin(way);
    drill.moves.push(Date.now());
    const run = await start(way, options.name, 'a clean run')
      .then((arn) => drill.ends(arn, RUN_WITHIN_MS))
      .finally(heal);
    if (run.status !== 'SUCCEEDED') throw new Error(`the clean run is ${run.status}: ${run.cause ?? ''}`);
    // Where the workload is, the orders say: until the first one is accepted at the new site, it would still be the old one.
    if (!(await isServed(drill, way.to))) throw new Error(`the clean run succeeded, and ${way.to} accepts no orders`);
    await becomesStandby(drill);
    return kindsOf(callsOfRun(drill.lab.calls(), run));
  },
  async attack(drill, cell) {
    const beganAt = Date.now();
    const way = wayOf(drill);
    const seen = Seen.of(drill);
    drill.moves.push(beganAt);
    const heal = await options.begin(way);
    let judged: [Outcome, string];
    try {
      judged = await attack(way, cell, options);
    } finally {
      heal();
    }
    await becomesStandby(drill);
    const defect = await historyDefect(drill, seen.since(), { beganAt, ...options });
    const [outcome, detail] = defect ?? judged;
    return { cell, outcome, detail, seconds: Math.round((Date.now() - beganAt) / 1_000) };
  },
});

/** The run under the fault; all is mended but the reason for the move; where the run failed, it is started again. */
async function attack(way: Way, cell: Cell, options: MoveOptions): Promise<[Outcome, string]> {
  const { drill, to } = way;
  const first = await underFault(way, cell, options);
  if (!first) return ['hang', `the run did not end in ${RUN_WITHIN_MS / 1_000} s`];
  if (first.status === 'SUCCEEDED')
    return (await isServed(drill, to)) ? ['recovered', ''] : ['false success', `the run succeeded and ${to} accepts no orders`];
  const detail = `${first.status}: ${first.cause ?? ''}`;
  if (!isTold(drill, first, 'failover')) return ['nobody told', detail];
  // A planned move that failed before the take leaves a workload that somebody serves; an unplanned one still has its reason.
  const isPastReturn = hasTaken(drill, first);
  if (options.losesNothing && !isPastReturn && !(await isServed(drill, undefined))) return ['not served', detail];
  const second = await goOn(way, options.name, nameOf(cell), first.name);
  const isOver = second?.status === 'SUCCEEDED' || second?.cause?.includes('has ended well') === true;
  if (!isOver) return ['stuck', `${detail}; again: ${second ? `${second.status} ${second.cause ?? ''}` : 'it did not end'}`];
  return (await isServed(drill, to))
    ? [isPastReturn ? 'interrupted' : 'stopped', detail]
    : ['false success', `started again it succeeded, and ${to} accepts no orders`];
}

async function underFault(way: Way, cell: Cell, options: MoveOptions): Promise<Execution | undefined> {
  const { drill, to } = way;
  const wire = drill.parts.watcher.wire(to);
  const { functions } = await wire.failoverMachine();
  return runUnderFault(drill, cell, {
    source: to,
    functions,
    dark: options.darkens(way),
    start: () => start(way, options.name, nameOf(cell)),
    ends: (arn) => drill.ends(arn, RUN_WITHIN_MS),
    stop: (arn) => wire.stopExecution(arn),
  });
}

/** Starts the machine as a person does; its execution's ARN. */
const start = ({ drill, to }: Way, mode: string, reason: string, incident?: string): Promise<string> =>
  drill.start(to, { mode, workloads: ['orders'], reason, ...(incident && { incident }) });

/**
 * The run that goes on with an incident. An observer whose region was dark has not looked since: until it has, nobody may take what it
 * does not know for an outage, and a run that is refused for that is started once more.
 */
async function goOn(way: Way, mode: string, reason: string, incident: string): Promise<Execution | undefined> {
  const deadline = Date.now() + LOOKS_WITHIN_MS;
  for (;;) {
    const run = await start(way, mode, reason, incident).then((arn) => way.drill.ends(arn, RUN_WITHIN_MS).catch(() => undefined));
    if (!run?.cause?.includes('OutageNotConfirmed') || Date.now() > deadline) return run;
    await sleep(LOOK_EVERY_MS);
  }
}

/**
 * The site that does not serve, which is the one that was left unless the run gave up, holds a standby again, with what is written now. Its
 * reconciler begins at once, not with the next minute.
 */
async function becomesStandby(drill: Drill): Promise<void> {
  const { to: standby } = wayOf(drill);
  await drill.parts.watcher.wire(standby).begin(RECONCILER);
  await drill.replicates(standby, READY_WITHIN_MS);
}

function wayOf(drill: Drill): Way {
  const from = activeSite(drill.parts.client.attempts) ?? drill.primary;
  return { drill, from, to: from === drill.primary ? drill.recovery : drill.primary };
}
