import type { Observation, Verdict } from '../kit/observations.ts';
import type { SiteName } from '../kit/plan.ts';

export interface Judgement {
  verdict: Verdict;
  /** Observers that say so, out of three. */
  votes: { healthy: number; unhealthy: number; unknown: number };
  /** When the earliest of the unhealthy observers first saw it, epoch milliseconds: the RTO's clock starts here. */
  unhealthySince?: number;
}

const OBSERVERS = 3;

/**
 * Judges from the observers' words: `unhealthy` needs the quorum. A word that is missing, stale, or about another site than the
 * active one counts as `unknown`, and `unknown` counts for nothing.
 */
export const judge = (
  observations: readonly Observation[],
  { now, freshMs, quorum, target }: { now: number; freshMs: number; quorum: number; target: SiteName },
): Judgement => {
  const counted = observations.filter((observation) => observation.target === target && now - observation.at <= freshMs);
  const unhealthy = counted.filter(({ verdict }) => verdict === 'unhealthy');
  const healthy = counted.filter(({ verdict }) => verdict === 'healthy').length;
  const votes = { healthy, unhealthy: unhealthy.length, unknown: OBSERVERS - healthy - unhealthy.length };
  if (unhealthy.length >= quorum) return { verdict: 'unhealthy', votes, unhealthySince: Math.min(...unhealthy.map(({ since }) => since)) };
  return { verdict: healthy >= quorum ? 'healthy' : 'unknown', votes };
};

/** A word is fresh for two rounds and the time that a round may take. */
export const freshMsFor = ({ intervalSeconds, probeTimeoutSeconds }: { intervalSeconds: number; probeTimeoutSeconds: number }): number =>
  2_000 * intervalSeconds + 1_000 * probeTimeoutSeconds;
