const MAX_TIMER_MS = 2 ** 31 - 1;

/** Time as the schedules know it; a test, or a rehearsal of weeks, drives its own. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Acts at a time (at once, if it has passed); returns what cancels it. */
  at(time: number, act: () => void): () => void;
}

/** The clock on the wall. Its timers do not keep the process alive, and may lie further ahead than `setTimeout` can (25 days). */
export const wallClock: Clock = {
  now: () => Date.now(),
  at(time, act) {
    let timer: NodeJS.Timeout;
    const arm = () => {
      const wait = Math.max(0, time - Date.now());
      timer = wait > MAX_TIMER_MS ? setTimeout(arm, MAX_TIMER_MS) : setTimeout(act, wait);
      timer.unref();
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is driven. */
export class DrivenClock implements Clock {
  private time: number;
  private readonly timers = new Set<{ time: number; act: () => void }>();

  constructor(start: number) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  at(time: number, act: () => void): () => void {
    const timer = { time: Math.max(time, this.time), act };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** Lets time pass: everything due happens in its order, and what it sets off has a turn of the event loop before the next. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.timers].filter(({ time }) => time <= until).sort((a, b) => a.time - b.time);
      if (!next) break;
      this.timers.delete(next);
      this.time = next.time;
      next.act();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.time = until;
  }
}
