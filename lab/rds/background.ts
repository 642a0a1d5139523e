import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Region } from '../types.ts';
import type { World } from '../world.ts';

const STOP_TIMEOUT_MS = 3000;

/** What goes on after a call was answered: it waits, stands still while its region is dark, and ends when the lab stops. */
export class Background {
  private readonly work = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private waiting: (() => void)[] = [];

  constructor(private readonly world: World) {
    // As many as there are pauses at a time.
    setMaxListeners(0, this.stopping.signal);
    world.onChange(() => this.wake());
  }

  get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Keeps in mind what runs, so that `stop` can wait for its end. What fails is its own affair. */
  track(work: Promise<void>): void {
    const tracked = work.catch(() => {}).finally(() => this.work.delete(tracked));
    this.work.add(tracked);
  }

  /** Lets time pass in a region; while that is dark, none does. */
  async pause(region: Region, milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stopping.signal });
    while (this.world.isDark(region)) await this.untilWorldChanges();
  }

  /** Resolves when the link between two regions is open. */
  async untilReachable(from: Region, to: Region): Promise<void> {
    while (!this.world.reaches(from, to)) await this.untilWorldChanges();
  }

  /** Ends all pauses, and waits a moment for the work that is between two of them. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await Promise.race([Promise.all(this.work), sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  }

  private async untilWorldChanges(): Promise<void> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.stopping.signal.throwIfAborted();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
