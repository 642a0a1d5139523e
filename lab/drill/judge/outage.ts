import type { Attempt } from '../../workload/attempt.ts';

/** A silence between two acknowledgements that is longer than this is an outage. The client writes many times a second. */
export const OUTAGE_ABOVE_MS = 2_000;

export interface Outage {
  /** The last acknowledgement before. */
  from: number;
  /** The first acknowledgement after which there was no further outage; undefined where writes did not return. */
  to?: number;
}

export const acknowledged = (attempts: readonly Attempt[]): Attempt[] =>
  attempts.filter((attempt) => attempt.acknowledged).sort((a, b) => a.answeredAt - b.answeredAt);

/**
 * The outage as the client saw it: from the last acknowledgement before the first silence that ends after the fault, to the
 * acknowledgement that ended the last such silence. Service that comes and goes in between counts as outage. Undefined where there was none.
 */
export function findOutage(attempts: readonly Attempt[], faultAt: number): Outage | undefined {
  const times = acknowledged(attempts).map((attempt) => attempt.answeredAt);
  const lastAttemptAt = attempts.reduce((latest, attempt) => Math.max(latest, attempt.answeredAt), 0);
  const first = times[0];
  if (first === undefined) return attempts.length > 0 ? { from: Math.min(faultAt, lastAttemptAt) } : undefined;
  const silences = times
    .map((from, index) => ({ from, to: times[index + 1] ?? lastAttemptAt, last: index === times.length - 1 }))
    .filter(({ from, to }) => to - from > OUTAGE_ABOVE_MS && to > faultAt);
  const begin = silences[0];
  const end = silences.at(-1);
  if (!begin || !end) return undefined;
  return end.last ? { from: begin.from } : { from: begin.from, to: end.to };
}
