import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 250;

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
