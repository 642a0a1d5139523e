import type { Attempt } from '../../workload/attempt.ts';
import type { SiteRows } from './evidence.ts';
import { acknowledged, OUTAGE_ABOVE_MS } from './outage.ts';

export interface Loss {
  rowsAcknowledged: number;
  /** Acknowledged, and absent where the workload is active now. */
  rowsLost: number;
  lostIds: string[];
  /** Whether the active site's database could be read; where not, every acknowledged row counts as lost. */
  proven: boolean;
  /** From the acknowledgement of the oldest lost row to the last acknowledgement before the outage that followed. */
  measuredSeconds: number;
}

/** The site that acknowledged last. */
export const activeSite = (attempts: readonly Attempt[]): string | undefined => acknowledged(attempts).at(-1)?.site;

/** Which acknowledged rows the active site's database does not have, and how much time they span. */
export function measureLoss(attempts: readonly Attempt[], active: SiteRows | undefined): Loss {
  const acks = acknowledged(attempts);
  const present = new Set(active?.unread ? [] : active?.rows.map((row) => row.id));
  const lost = acks.filter((attempt) => !present.has(attempt.id));
  return {
    rowsAcknowledged: acks.length,
    rowsLost: lost.length,
    lostIds: lost.map((attempt) => attempt.id),
    proven: active !== undefined && !active.unread,
    measuredSeconds: lost[0] ? (lastBeforeSilence(acks, lost.at(-1)!) - lost[0].answeredAt) / 1_000 : 0,
  };
}

/** The last acknowledgement of the service that lost these rows: after it came the outage. Later moves of the same drill lost nothing. */
function lastBeforeSilence(acks: readonly Attempt[], lastLost: Attempt): number {
  let last = lastLost.answeredAt;
  for (const { answeredAt } of acks) {
    if (answeredAt <= last) continue;
    if (answeredAt - last > OUTAGE_ABOVE_MS) break;
    last = answeredAt;
  }
  return last;
}
