export interface WaitByRetry {
  /** No longer than this in all. */
  boundSeconds: number;
  intervalSeconds: number;
  backoffRate?: number;
  maxDelaySeconds: number;
}

export interface Retries {
  maxAttempts: number;
  /** The sum of the delays; the attempts' own time comes on top. */
  totalSeconds: number;
}

/** States are retried at most this often: AWS, Step Functions developer guide, `MaxAttempts`. */
const MOST_ATTEMPTS = 99_999_999;

/**
 * The most retries whose delays, `interval x backoff^n` and never over the maximum, stay within the bound: a wait in a state machine
 * is a step that throws NotReady, and this is how long it waits.
 * @throws RangeError when not even one fits.
 */
export const retriesWithin = ({ boundSeconds, intervalSeconds, backoffRate = 1.5, maxDelaySeconds }: WaitByRetry): Retries => {
  if (!(intervalSeconds > 0 && backoffRate >= 1 && maxDelaySeconds >= intervalSeconds)) {
    throw new RangeError(
      `a wait needs interval ${intervalSeconds} > 0, backoff ${backoffRate} >= 1 and maximum delay ${maxDelaySeconds} >= interval`,
    );
  }
  let maxAttempts = 0;
  let totalSeconds = 0;
  for (let delay = intervalSeconds; totalSeconds + delay <= boundSeconds && maxAttempts < MOST_ATTEMPTS; maxAttempts++) {
    totalSeconds += delay;
    delay = Math.min(delay * backoffRate, maxDelaySeconds);
  }
  if (maxAttempts === 0) throw new RangeError(`a wait of ${boundSeconds} s has no room for one retry after ${intervalSeconds} s`);
  return { maxAttempts, totalSeconds };
};
