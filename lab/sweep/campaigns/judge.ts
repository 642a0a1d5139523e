import type { Drill } from '../../drill/drill.ts';
import type { Execution, SiteRows } from '../../drill/judge/evidence.ts';
import { acceptedWrites, fewestHandovers } from '../../drill/judge/handovers.ts';
import { activeSite } from '../../drill/judge/loss.ts';
import { acknowledged } from '../../drill/judge/outage.ts';
import { measureOverlap } from '../../drill/judge/writers.ts';
import { readRows } from '../../drill/rows.ts';
import { readSetAside } from '../../drill/set-aside.ts';
import type { Region } from '../../types.ts';
import type { Attempt } from '../../workload/attempt.ts';
import type { Outcome } from '../matrix.ts';

const SERVED_WITHIN_MS = 90_000;
const SERVED_WRITES = 10;
const READ_WITHIN_MS = 20_000;
/** The alarm that an execution's end raises, by the end of its name after the machine's. The lab has no metrics of executions: that it is deployed is what can be seen. */
const ALARM_ON: Record<string, string> = { FAILED: '-failed', TIMED_OUT: '-timed-out', ABORTED: '-aborted' };

/** Orders are accepted, by the site where one is named. */
export const isServed = (drill: Drill, site: Region | undefined): Promise<boolean> =>
  drill.writes(SERVED_WRITES, { site, boundMs: SERVED_WITHIN_MS }).then(
    () => true,
    () => {
      drill.parts.signal.throwIfAborted();
      return false;
    },
  );

/** A message of a machine's run was accepted, or an alarm on such an end is deployed. */
export function isTold(drill: Drill, run: Pick<Execution, 'region' | 'functions' | 'status' | 'startedAt'>, machine: string): boolean {
  const functions = new Set(run.functions);
  const isMessage = ({ service, action, principal, status, at }: ReturnType<Drill['lab']['calls']>[number]) =>
    service === 'sns' && action === 'Publish' && status === 200 && functions.has(principal) && at >= run.startedAt;
  const alarm = ALARM_ON[run.status];
  const alarms = drill.parts.watcher.alarmStates(run.region);
  return drill.lab.calls().some(isMessage) || (alarm !== undefined && alarms.has(`lifeboat-${drill.environment}-${machine}${alarm}`));
}

/** The run got as far as the point of no return: its step took the lease. */
export const hasTaken = (drill: Drill, { region, functions, startedAt }: Execution): boolean =>
  drill.lab
    .calls()
    .some(
      ({ principal, source, action, status, at }) =>
        principal.endsWith('-take-lease') &&
        functions.includes(principal) &&
        source === region &&
        action === 'UpdateItem' &&
        status === 200 &&
        at >= startedAt,
    );

/** What the clients' history of one move, and the databases after it, do not allow. */
export async function historyDefect(
  drill: Drill,
  attempts: readonly Attempt[],
  { beganAt, losesNothing }: { beganAt: number; losesNothing: boolean },
): Promise<[Outcome, string] | undefined> {
  const { overlapSeconds, overlappingWrites } = measureOverlap(attempts, [], [beganAt]);
  const handovers = fewestHandovers(acceptedWrites(attempts));
  if (overlapSeconds > 0 || handovers > 1)
    return ['two writers', `for ${overlapSeconds.toFixed(3)} s, ${overlappingWrites} orders; ${handovers} handovers in one move`];
  const gone = await goneFrom(drill, acknowledged(attempts), losesNothing);
  return gone.length === 0
    ? undefined
    : ['uncounted loss', `${gone.length} acknowledged orders, among them ${gone.slice(0, 3).join(', ')}`];
}

/** Acknowledged orders that the active database does not have; where a loss is allowed, those that no database was kept with either. */
async function goneFrom(drill: Drill, orders: readonly Attempt[], losesNothing: boolean): Promise<string[]> {
  const active = activeSite(drill.parts.client.attempts) ?? drill.primary;
  const absent = without(
    orders.map(({ id }) => id),
    await readRows(drill.at(active), READ_WITHIN_MS),
  ); // prettier-ignore
  if (absent.length === 0 || losesNothing) return absent;
  const kept = (await Promise.all([drill.primary, drill.recovery].map((region) => readSetAside(drill, region)))).flat();
  return kept.reduce(without, absent);
}

function without(ids: string[], { rows, unread }: SiteRows): string[] {
  if (unread) return ids;
  const present = new Set(rows.map(({ id }) => id));
  return ids.filter((id) => !present.has(id));
}
