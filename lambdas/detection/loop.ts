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
