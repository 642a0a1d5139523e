import { messageOf } from '../kit/errors.ts';
import { log } from '../kit/log.ts';

/**
 * Runs a round at a fixed rhythm until the signal: a slow round delays the next one and never overlaps it, a failed one is logged
 * and the next is tried. The first round begins at once.
 */
export const every = async (periodMs: number, until: AbortSignal, round: () => Promise<void>): Promise<void> => {
  while (!until.aborted) {
    const began = performance.now();
    await round().catch((error: unknown) => log('round-failed', { error: messageOf(error) }));
    await pause(Math.max(0, periodMs - (performance.now() - began)), until);
  }
};

export interface Duty {
  periodMs: number;
  round: () => Promise<void>;
}

/** Does the duties, each at its rhythm, until `mayEnd` says that a successor has begun, or the longest time is over. */
export const runLoop = async (
  duties: readonly Duty[],
  { mayEnd, lookEveryMs, longestMs }: { mayEnd: () => Promise<boolean>; lookEveryMs: number; longestMs: number },
): Promise<'successor' | 'deadline'> => {
  const stop = new AbortController();
  let ended: 'successor' | 'deadline' = 'deadline';
  // A timer of our own: a signal made of AbortSignal.timeout and AbortSignal.any may be collected before it fires (nodejs/node#57736).
  const deadline = setTimeout(() => stop.abort(), longestMs);
  const handOver = every(lookEveryMs, stop.signal, async () => {
    if (!(await mayEnd())) return;
    ended = 'successor';
    stop.abort();
  });
  await Promise.all([handOver, ...duties.map(({ periodMs, round }) => every(periodMs, stop.signal, round))]);
  clearTimeout(deadline);
  return ended;
};

const pause = (milliseconds: number, until: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (until.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      until.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    until.addEventListener('abort', done);
  });
