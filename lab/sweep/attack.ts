import { setTimeout as sleep } from 'node:timers/promises';
import type { Drill } from '../drill/drill.ts';
import type { Execution } from '../drill/judge/evidence.ts';
import type { Region } from '../types.ts';
import { type Cell, faultOf, nameOf } from './cells.ts';
import type { Judged, Outcome } from './matrix.ts';

const RUN_WITHIN_MS = 420_000;
const SERVED_WITHIN_MS = 60_000;
const SERVED_WRITES = 50;
const LOOK_MS = 50;

/** One attack on a switchover to `to`: run it under the fault, mend, and see what holds. The workload ends in `to`, or it is a defect. */
export async function attack(drill: Drill, to: Region, cell: Cell): Promise<Judged> {
  const judged = (outcome: Outcome, detail = ''): Judged => ({ cell, outcome, detail });
  const wire = drill.parts.watcher.wire(to);
  const principal = (await wire.failoverMachine()).functions.find((name) => name.endsWith(`-${cell.step}`)) ?? cell.step;
  const mend = drill.lab.faults.add({ ...faultOf(cell, principal), source: to });
  const input = { mode: 'switchover', workloads: ['orders'], reason: nameOf(cell) };
  let first: Execution | undefined;
  try {
    drill.moves.push(Date.now());
    const arn = await drill.start(to, input);
    if (cell.fault === 'killed') await killAtCall(drill, cell, principal, arn, to);
    first = await drill.ends(arn, RUN_WITHIN_MS).catch(() => undefined);
  } finally {
    mend();
  }
  if (!first) return judged('hang', `the run did not end in ${RUN_WITHIN_MS / 1_000} s`);
  const wanted = first.status === 'SUCCEEDED' ? to : undefined;
  const isServed = await served(drill, wanted);
  if (wanted) return isServed ? judged('recovered') : judged('false success', `the run succeeded and ${to} accepts no orders`);
  const again = await drill.start(to, { ...input, incident: first.name });
  const second = await drill.ends(again, RUN_WITHIN_MS).catch(() => undefined);
  if (second?.status !== 'SUCCEEDED' || !(await served(drill, to))) return judged('stuck', second?.cause ?? 'started again it did not end');
  return isServed || first.status === 'ABORTED'
    ? judged('stopped', first.cause ?? first.status)
    : judged('not served', first.cause ?? first.status);
}

const served = (drill: Drill, site: Region | undefined): Promise<boolean> =>
  drill.writes(SERVED_WRITES, { site, boundMs: SERVED_WITHIN_MS }).then(
    () => true,
    () => false,
  );

/** Stop the execution as soon as the step's call is under way; a run that never makes it ends by itself. */
async function killAtCall(drill: Drill, { service, action }: Cell, principal: string, arn: string, region: Region): Promise<void> {
  const from = drill.lab.calls().length;
  const { watcher, signal } = drill.parts;
  const isUnderWay = () =>
    drill.lab
      .calls()
      .slice(from)
      .some((call) => call.principal === principal && call.service === service && call.action === action && call.source === region);
  while (!isUnderWay()) {
    if (watcher.executions.some((run) => run.arn === arn && run.stoppedAt !== undefined)) return;
    await sleep(LOOK_MS, undefined, { signal });
  }
  await watcher.wire(region).stopExecution(arn);
}
