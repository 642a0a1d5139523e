import type { Attempt } from '../../workload/attempt.ts';
import type { Row, SiteRows } from './evidence.ts';
import { acknowledged } from './outage.ts';

export interface Overlap {
  overlapSeconds: number;
  overlappingWrites: number;
}

/** A write of a site, committed at some moment from `from` to `to`. */
interface Write {
  site: string;
  from: number;
  to: number;
}

/**
 * Did two sites accept writes at the same time? An acknowledged write was committed between its sending and its answer. So a site was
 * certainly a writer from its first answer to its last sending. Where those spans of two sites intersect, both were writers: with one
 * handover between them that is impossible, whatever the network did to the messages. The overlap is the longest such intersection;
 * overlapping writes are those whose interval touches it. Each window between two moves allows one handover and is judged alone.
 *
 * The rows of the databases are judged likewise, by the times at which they were recorded: they include what was committed and never
 * answered. The worse of the two counts.
 */
export function measureOverlap(attempts: readonly Attempt[], databases: readonly SiteRows[], moves: readonly number[]): Overlap {
  const answered = acknowledged(attempts).map((a) => ({ site: a.site ?? '', from: a.sentAt, to: a.answeredAt }));
  const recorded = uniqueRows(databases).map((row) => ({ site: row.site, from: row.recordedAt, to: row.recordedAt }));
  const [byClient, byRows] = [answered, recorded].map((writes) => sum(windows(writes, moves).map(overlapOf)));
  return byClient!.overlapSeconds >= byRows!.overlapSeconds ? byClient! : byRows!;
}

function uniqueRows(databases: readonly SiteRows[]): Row[] {
  return [...new Map(databases.flatMap((database) => database.rows).map((row) => [row.id, row])).values()];
}

/** From the second move on, each move opens a new window. */
function windows(writes: readonly Write[], moves: readonly number[]): Write[][] {
  const edges = [...moves].sort((a, b) => a - b).slice(1);
  const found: Write[][] = Array.from({ length: edges.length + 1 }, () => []);
  for (const write of writes) found[edges.filter((edge) => edge <= write.from).length]?.push(write);
  return found;
}

function overlapOf(writes: readonly Write[]): Overlap {
  const spans = new Map<string, { first: number; last: number }>();
  for (const { site, from, to } of writes) {
    const span = spans.get(site) ?? { first: to, last: from };
    spans.set(site, { first: Math.min(span.first, to), last: Math.max(span.last, from) });
  }
  const sites = [...spans.values()];
  let worst: Overlap = { overlapSeconds: 0, overlappingWrites: 0 };
  sites.forEach((a, index) => {
    for (const b of sites.slice(index + 1)) {
      const [begin, end] = [Math.max(a.first, b.first), Math.min(a.last, b.last)];
      const overlapSeconds = (end - begin) / 1_000;
      if (overlapSeconds <= worst.overlapSeconds) continue;
      worst = { overlapSeconds, overlappingWrites: writes.filter((write) => write.to >= begin && write.from <= end).length };
    }
  });
  return worst;
}

function sum(overlaps: readonly Overlap[]): Overlap {
  return overlaps.reduce((total, one) => ({
    overlapSeconds: total.overlapSeconds + one.overlapSeconds,
    overlappingWrites: total.overlappingWrites + one.overlappingWrites,
  }));
}
