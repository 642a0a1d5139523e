import type { SiteRows } from '../../drill/judge/evidence.ts';
import type { Attempt } from '../../workload/attempt.ts';
import type { Outcome } from '../matrix.ts';

/** What each database holds after a restore in place. */
export interface Databases {
  writer: SiteRows;
  /** What the writer replaced. */
  replaced: readonly SiteRows[];
  /** What the other site keeps of former standbys; it may be out of reach. */
  elsewhere: readonly SiteRows[];
}

/**
 * Acknowledged orders are in the writer, in what was replaced or in what the other site keeps. The old and the new one never wrote at a time: no order
 * that only the old one has was sent after one was acknowledged that only the new one has.
 */
export function replacedDefect(acks: readonly Attempt[], { writer, replaced, elsewhere }: Databases): [Outcome, string] | undefined {
  const unread = [writer, ...replaced].find((rows) => rows.unread);
  if (unread) return ['uncounted loss', `a database of ${unread.site} cannot be read: ${unread.unread}`];
  const [inNew, inOld, inOther] = [[writer], replaced, elsewhere].map(
    (databases) => new Set(databases.flatMap(({ rows }) => rows.map(({ id }) => id))),
  ) as [Set<string>, Set<string>, Set<string>];
  const gone = acks.filter(({ id }) => !inNew.has(id) && !inOld.has(id) && !inOther.has(id));
  if (gone.length > 0) return ['uncounted loss', `${gone.length} acknowledged orders, among them ${gone[0]!.id}`];
  const opened = Math.min(...acks.filter(({ id }) => inNew.has(id) && !inOld.has(id)).map(({ answeredAt }) => answeredAt));
  const late = acks.filter(({ id, sentAt }) => inOld.has(id) && !inNew.has(id) && sentAt > opened);
  return late.length === 0 ? undefined : ['two writers', `${late.length} orders went into the old database after the new one was open`];
}
