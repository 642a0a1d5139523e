import type { Incident, OpenedRun } from '../kit/incidents.ts';
import type { Attempt } from './start-failover.ts';

/** A run that was started and has not opened its incident after this was lost on its way. */
const OPENS_WITHIN_MS = 120_000;
/** Time for what made a run give up to pass. */
const TRY_AGAIN_AFTER_MS = 300_000;
/** The same where fresh probes only did not confirm the outage: the quorum says since that it is one. */
const LOOK_AGAIN_AFTER_MS = 60_000;

/** Somebody, or what somebody wrote, has decided: this outage moves nothing by itself any more. */
const DECIDED = new Set(['ApprovalRefused', 'ApprovalTimedOut', 'LagRefused']);

/** Does nothing start by itself for this outage any more, after a run that was aborted with this error? */
export const endsByDecision = (error: string): boolean => DECIDED.has(error);

type Decision = { start: boolean; because: string };
const yes = (because: string): Decision => ({ start: true, because });
const no = (because: string): Decision => ({ start: false, because });

/**
 * The run whose end decides: the last that opened its incident, whoever started it. One that was started after it and never opened its
 * own (the other's claim refused it) hides no decision; it counts for as long as it may still be on its way.
 */
export const lastRun = (
  started: Attempt | undefined,
  opened: OpenedRun | undefined,
  now: number,
): (Attempt & Partial<OpenedRun>) | undefined => {
  if (!opened) return started;
  return started && started.at > opened.at && started.at + OPENS_WITHIN_MS >= now ? started : opened;
};

/**
 * May a run be started for an outage that goes on? Yes if none was yet, if the last one ended with the cool-down, or gave up some time
 * ago for a reason that may have passed. Not where a person or a policy refused, or somebody stopped the run: that was a decision.
 */
export const mayTryAgain = ({
  attempt,
  before,
  unhealthySince,
  now,
}: {
  attempt: Attempt | undefined;
  /** The attempt's incident; none while it was not opened. */
  before: Pick<Incident, 'outcome' | 'error' | 'closedAt'> | undefined;
  unhealthySince: number;
  now: number;
}): Decision => {
  if (!attempt || attempt.at < unhealthySince) return yes('none was started for this outage');
  if (!before) return attempt.at + OPENS_WITHIN_MS < now ? yes('the run that was started never began') : no('a run was started just now');
  if (before.outcome !== 'aborted') return no(`run ${attempt.execution} is ${before.outcome}: a person must look`);
  if (endsByDecision(before.error ?? '')) return no(`run ${attempt.execution} ended by decision: ${before.error}`);
  if (before.error === 'CooldownOver') return yes('the cool-down is over');
  const pause = before.error === 'OutageNotConfirmed' ? LOOK_AGAIN_AFTER_MS : TRY_AGAIN_AFTER_MS;
  const waits = Date.parse(before.closedAt ?? '') + pause > now;
  return waits ? no(`run ${attempt.execution} gave up less than ${pause / 60_000} min ago`) : yes(`the last one gave up: ${before.error}`);
};
