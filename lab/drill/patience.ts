import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Until an alarm over three periods of a minute says what a function puts once a minute. Its next run: 60 s. Runs come up to 2 s late, so
 * that two may fall into one minute and none into the next: the three minutes with data lie in five, 300 s. An alarm is evaluated once a
 * minute, 60 s. That is 420 s; a look is left 30 s.
 */
export const THREE_ROUNDS_WITHIN_MS = 450_000;

/** Asks until there is an answer; bounded. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, boundMs: number): Promise<T> {
  const deadline = Date.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${Math.round(boundMs / 1_000)} s`);
    await sleep(POLL_MS);
  }
}
