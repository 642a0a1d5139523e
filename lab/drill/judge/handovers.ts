import type { CallRecord, Region } from '../../types.ts';
import type { Attempt } from '../../workload/attempt.ts';
import { wasAccepted } from './calls.ts';
import { acknowledged } from './outage.ts';

/** A write that a site accepted at some moment from `from` to `to`. */
export interface AcceptedWrite {
  site: Region;
  from: number;
  to: number;
}

/** What clients know: an acknowledged write was accepted between its sending and its answer. */
export const acceptedWrites = (attempts: readonly Attempt[]): AcceptedWrite[] =>
  acknowledged(attempts).map(({ site = '', sentAt, answeredAt }) => ({ site, from: sentAt, to: answeredAt }));

/**
 * One writer at a time, in the manner of a register: of how many handovers must there have been at least, if only one site at a time
 * accepted writes? A site that holds the right may keep it until the first answer of the other site that it cannot have preceded; each
 * handover is put off as long as possible, so that no schedule needs fewer. More than there were moves means two writers.
 */
export function fewestHandovers(writes: readonly AcceptedWrite[]): number {
  const sites = [...new Set(writes.map(({ site }) => site))];
  if (sites.length < 2) return 0;
  if (sites.length > 2) throw new Error(`writes of ${sites.length} sites; a workload has two: ${sites.join(', ')}`);
  const [a, b] = sites.map((site) => new Deadlines(writes.filter((write) => write.site === site))) as [Deadlines, Deadlines];
  return Math.min(handoversFrom(a, b), handoversFrom(b, a));
}

/** `holding` has the right to begin with. */
function handoversFrom(holding: Deadlines, waiting: Deadlines): number {
  let handovers = 0;
  // Writes of the waiting site that were sent at or before the last handover to it are done.
  for (let at = waiting.next(Number.NEGATIVE_INFINITY); at !== undefined; at = waiting.next(at)) {
    handovers += 1;
    [holding, waiting] = [waiting, holding];
  }
  return handovers;
}

/** The earliest answer among a site's writes that were sent after a moment. */
class Deadlines {
  private readonly byFrom: { from: number; earliest: number }[] = [];

  constructor(writes: readonly AcceptedWrite[]) {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { from, to } of [...writes].sort((x, y) => y.from - x.from)) {
      earliest = Math.min(earliest, to);
      this.byFrom.push({ from, earliest });
    }
    this.byFrom.reverse();
  }

  next(after: number): number | undefined {
    let [low, high] = [0, this.byFrom.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.byFrom[middle]!.from > after) high = middle;
      else low = middle + 1;
    }
    return this.byFrom[low]?.earliest;
  }
}

/** How often the writer's region changed, by the promotions that RDS accepted, whatever their callers heard. */
export function movesMade(calls: readonly CallRecord[], home: Region): number {
  const promoted = calls.filter((call) => call.action === 'PromoteReadReplica' && wasAccepted(call)).map(({ region }) => region);
  return [home, ...promoted].filter((region, index, all) => index > 0 && region !== all[index - 1]).length;
}
