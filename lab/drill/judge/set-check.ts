import type { Attempt } from '../../workload/attempt.ts';
import type { SiteRows } from './evidence.ts';

/** What became of every order, in the manner of a set: what was added, and what is there in the end. Ids of orders. */
export interface SetCheck {
  acknowledged: number;
  /** Acknowledged, and absent from the active database. */
  absent: string[];
  /** Of those, in a database that was set aside: nobody's data is gone. */
  kept: string[];
  /** Of those, nowhere. */
  gone: string[];
  /** In the active database, and never sent. */
  phantom: string[];
  /** Never acknowledged, and in the active database all the same: allowed, an answer can be lost. */
  unacknowledgedPresent: number;
}

export function checkSet(attempts: readonly Attempt[], active: SiteRows | undefined, others: readonly SiteRows[]): SetCheck {
  const present = new Set(active?.rows.map(({ id }) => id));
  const elsewhere = new Set(others.flatMap(({ rows }) => rows.map(({ id }) => id)));
  const sent = new Set(attempts.map(({ id }) => id));
  const acks = attempts.filter(({ acknowledged }) => acknowledged);
  const absent = acks.filter(({ id }) => !present.has(id)).map(({ id }) => id);
  return {
    acknowledged: acks.length,
    absent,
    kept: absent.filter((id) => elsewhere.has(id)),
    gone: absent.filter((id) => !elsewhere.has(id)),
    phantom: [...present].filter((id) => !sent.has(id)),
    unacknowledgedPresent: attempts.filter(({ id, acknowledged }) => !acknowledged && present.has(id)).length,
  };
}
