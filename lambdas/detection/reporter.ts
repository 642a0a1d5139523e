import type { Datum, PutMetrics } from '../kit/metrics.ts';

/** A little less than the minute of the alarms that listen for it. */
const BEAT_MS = 55_000;

/**
 * Says that a workload is down whenever it is, and all else once a minute: each call costs, and the alarm takes silence for 'not
 * down'. 43,800 calls a month instead of 263,000 at an interval of 10 s.
 * @param monotonic milliseconds.
 */
export const reporter = (
  put: PutMetrics,
  monotonic: () => number,
): ((down: readonly Datum[], beat: () => Promise<Datum[]>) => Promise<void>) => {
  let beatAt = Number.NEGATIVE_INFINITY;
  let wasDown = false;
  return async (down, beat) => {
    const isDown = down.some(({ value }) => value === 1);
    const beatIsDue = monotonic() - beatAt >= BEAT_MS;
    if (!isDown && !wasDown && !beatIsDue) return;
    await put([...down, ...(beatIsDue ? await beat() : [])]);
    if (beatIsDue) beatAt = monotonic();
    wasDown = isDown;
  };
};
