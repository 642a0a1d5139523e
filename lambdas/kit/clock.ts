/**
 * How wrong this host's clock is, from the `Date` header of DynamoDB's answers. The header has whole seconds and is laid between the
 * question and the answer, so one answer says only: error > asked - date - 1 s, and error <= answered - date. Answers at different
 * moments of a second narrow that down: n of them, evenly spread, to 1/n s and one round trip.
 */
export interface ClockError {
  lowMs: number;
  highMs: number;
}

/** `over`: surely more than half of `maxClockSkew`, so that two sites that both pass differ by no more than the whole of it. */
export type ClockVerdict = 'within' | 'over' | 'unknown';

export interface ClockSample {
  /** The local wall clock before and after, and the answer's date; epoch milliseconds. */
  askedAt: number;
  answeredAt: number;
  date: number;
}

/** Answers older than this say nothing of the clock now: a host's clock may be set. */
const KEEP_MS = 60_000;
const HEADER_MS = 1_000;

export class ClockWatch {
  private samples: ClockSample[] = [];

  note(sample: ClockSample): void {
    this.samples = [...this.samples.filter(({ answeredAt }) => Math.abs(sample.answeredAt - answeredAt) <= KEEP_MS), sample];
    // They contradict each other: the clock was set between them, or a date was stale. Only the newest counts.
    if (this.error!.lowMs > this.error!.highMs) this.samples = [sample];
  }

  /** Between which bounds the error lies, positive where this clock is ahead; nothing before the first answer. */
  get error(): ClockError | undefined {
    if (this.samples.length === 0) return undefined;
    return {
      lowMs: Math.max(...this.samples.map(({ askedAt, date }) => askedAt - date - HEADER_MS)),
      highMs: Math.min(...this.samples.map(({ answeredAt, date }) => answeredAt - date)),
    };
  }

  /** A measurement that is sharp to a quarter of the bound and does not prove that the clock is well proves that it is not. */
  verdict(maxClockSkewMs: number): ClockVerdict {
    const { error } = this;
    const limit = maxClockSkewMs / 2;
    if (!error) return 'unknown';
    if (error.lowMs >= -limit && error.highMs <= limit) return 'within';
    const isSharp = error.highMs - error.lowMs <= limit / 2;
    return isSharp || error.lowMs > limit || error.highMs < -limit ? 'over' : 'unknown';
  }
}

interface Measurable {
  middlewareStack: { add(middleware: unknown, options: { step: 'deserialize'; name: string; priority: 'low' }): void };
}

type Answer = { response?: { headers?: Record<string, string | undefined> } };

/** Has a client note the time of each answer, errors included, as close to the wire as the SDK lets us. */
export const measured = <Client extends Measurable>(client: Client, clock: ClockWatch | undefined): Client => {
  if (!clock) return client;
  client.middlewareStack.add(
    (next: (args: unknown) => Promise<Answer>) => async (args: unknown) => {
      const askedAt = Date.now();
      const answer = await next(args);
      const date = Date.parse(answer.response?.headers?.date ?? '');
      if (!Number.isNaN(date)) clock.note({ askedAt, answeredAt: Date.now(), date });
      return answer;
    },
    { step: 'deserialize', name: 'lifeboatClock', priority: 'low' },
  );
  return client;
};

const LOOKS = 6;
/** Answers that take this long together would not make it sharp. */
const LONGEST_MS = 3_000;

/**
 * Asks at evenly spread moments of a second until the clock is known to be well or not: a second, where answers come at once. What stays
 * unknown after that is left unknown.
 * @param now any clock, milliseconds.
 */
export const settleClock = async (
  clock: ClockWatch,
  maxClockSkewMs: number,
  look: () => Promise<unknown>,
  { sleep, now }: { sleep: (milliseconds: number) => Promise<void>; now: () => number },
): Promise<ClockVerdict> => {
  const until = now() + LONGEST_MS;
  for (let looks = 0; looks < LOOKS && now() < until && clock.verdict(maxClockSkewMs) === 'unknown'; looks++) {
    if (looks > 0) await sleep(HEADER_MS / LOOKS);
    await look();
  }
  return clock.verdict(maxClockSkewMs);
};
