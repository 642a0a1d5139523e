import type { SiteName } from '../../../lambdas/kit/plan.ts';

/** The ledger; the site's own database and its own region's table; the other region's table, where the pledges are. */
export type Place = 'ledger' | 'database' | 'own table' | 'other table';
/** What a process does next: ask, or wait. */
export type Step = { to: Place; apply: () => unknown } | { sleepMs: number };
/** A process of the protocol, one step at a time; what it asked comes back as the value of its `yield`, or is thrown into it. */
export type Behaviour = Generator<Step, void, unknown>;

export class Unanswered extends Error {
  constructor(readonly by: Place) {
    super();
  }
}

const TIMEOUT_MS: Record<Place, number> = { ledger: 4_000, database: 4_000, 'own table': 4_000, 'other table': 2_000 };
/** What leaves the region may come twice, and may be cut off. */
const FAR: ReadonlySet<Place> = new Set(['ledger', 'other table']);

/** How messages fare, and when. All of it ends at `calmAt`: from then on each is delivered at once, and nobody is cut off. */
export interface Weather {
  seed: number;
  /** Of a hundred messages: lost, delivered twice, delayed for seconds. */
  lost: number;
  doubled: number;
  slow: number;
  slowestMs: number;
  /** Only the messages of processes of this kind are slow: an old loop in the shadow of a new one. */
  slowOnly?: string;
  /** Of a site from everything outside, or from the ledger alone. */
  cuts: readonly { site: SiteName; from: number; to: number; only?: 'ledger' }[];
  calmAt: number;
}

/** A small generator of random numbers: the same seed gives the same schedule. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

export class Process {
  alive = true;
  /** It sleeps until then, whatever it was about to do, and does not notice. */
  pausedUntil = 0;

  constructor(
    readonly name: string,
    readonly site: SiteName,
    readonly behaviour: Behaviour,
  ) {}
}

/** Time, messages and processes: one event after the other, in the order of their times. */
export class Engine {
  now = 0;
  private readonly random: () => number;
  private readonly heap: { at: number; order: number; run: () => void }[] = [];
  private order = 0;

  constructor(private readonly weather: Weather) {
    this.random = randomOf(weather.seed);
  }

  at(time: number, run: () => void): void {
    const { heap } = this;
    heap.push({ at: Math.max(time, this.now), order: this.order++, run });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!earlier(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      child = parent;
    }
  }

  /** Runs to the end of time, or until `after` an event says that it has seen enough. */
  run(end: number, after: () => boolean): void {
    for (let event = this.next(); event && event.at <= end; event = this.next()) {
      this.now = event.at;
      event.run();
      if (after()) return;
    }
  }

  start(process: Process): void {
    this.resume(process, () => process.behaviour.next());
  }

  private next(): { at: number; order: number; run: () => void } | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let child = 2 * parent + 1;
      if (child + 1 < heap.length && earlier(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !earlier(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      parent = child;
    }
    return first;
  }

  private resume(process: Process, advance: () => IteratorResult<Step, void>): void {
    if (!process.alive) return;
    if (this.now < process.pausedUntil) {
      this.at(process.pausedUntil, () => this.resume(process, advance));
      return;
    }
    const { value, done } = advance();
    if (done) return;
    if ('sleepMs' in value) this.at(this.now + value.sleepMs, () => this.resume(process, () => process.behaviour.next()));
    else this.send(process, value);
  }

  /** A request that is lost, late or doubled may still take effect long after its sender has given up on it. */
  private send(process: Process, { to, apply }: Extract<Step, { to: string }>): void {
    let open = true;
    const answer = (advance: () => IteratorResult<Step, void>) => {
      if (!open) return;
      open = false;
      this.resume(process, advance);
    };
    const foul = this.now < this.weather.calmAt;
    const cut = foul && this.isCut(to, process.site);
    const deliver = (answered: boolean) => {
      const result = apply();
      if (answered) this.at(this.now + this.delayMs(to, process), () => answer(() => process.behaviour.next(result)));
    };
    if (!cut && !(foul && this.chance(this.weather.lost)))
      this.at(this.now + this.delayMs(to, process), () => deliver(!(foul && this.chance(this.weather.lost))));
    if (!cut && foul && FAR.has(to) && this.chance(this.weather.doubled))
      this.at(this.now + this.delayMs(to, process), () => deliver(false));
    this.at(this.now + TIMEOUT_MS[to], () => answer(() => process.behaviour.throw(new Unanswered(to))));
  }

  private isCut(to: Place, site: SiteName): boolean {
    if (!FAR.has(to)) return false;
    const cuts = this.weather.cuts.filter((cut) => cut.from <= this.now && this.now < cut.to);
    return cuts.some((cut) => (to === 'ledger' ? cut.site === site : cut.only === undefined));
  }

  private delayMs(to: Place, { name }: Process): number {
    const usual = Math.floor(this.random() * (FAR.has(to) ? 60 : 8));
    const { calmAt, slow, slowOnly = '' } = this.weather;
    if (this.now >= calmAt || !name.startsWith(slowOnly) || !this.chance(slow)) return usual;
    return Math.floor(this.random() * this.weather.slowestMs);
  }

  private chance(percent: number): boolean {
    return this.random() * 100 < percent;
  }
}

const earlier = (a: { at: number; order: number }, b: { at: number; order: number }): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order);
