import pc from 'picocolors';
import type { News } from './fleet/job.ts';

/** What a person sees while a drill runs. */
export interface Progress {
  /** A new phase begins; the one before has ended. */
  phase(title: string): void;
  /** Something happened within the phase. */
  say(text: string): void;
  /** The last phase has ended, well or not. */
  end(failed?: boolean): void;
}

/** Says nothing. */
export const silent: Progress = { phase: () => {}, say: () => {}, end: () => {} };

/** Tells the fleet that this drill belongs to; what is said within a phase stays here. */
export const toFleet = (send: (news: News) => void): Progress => ({
  phase: (title) => send({ phase: title }),
  say: () => {},
  end: () => {},
});

const TICK_MS = 500;

/** Lines on a stream: a phase with its duration when it is over; on a terminal the running phase with its time so far. */
export class ConsoleProgress implements Progress {
  private readonly out: NodeJS.WriteStream;
  private readonly startedAt = Date.now();
  private current?: { title: string; since: number };
  private timer?: NodeJS.Timeout;

  constructor(out: NodeJS.WriteStream) {
    this.out = out;
  }

  phase(title: string): void {
    this.end();
    this.current = { title, since: Date.now() };
    if (!this.out.isTTY) {
      this.line(`${this.clock()} ${title}`);
      return;
    }
    this.timer = setInterval(() => this.draw(), TICK_MS);
    this.timer.unref();
    this.draw();
  }

  say(text: string): void {
    this.line(`${pc.dim(this.clock())}   ${pc.dim(text)}`);
    this.draw();
  }

  end(failed = false): void {
    clearInterval(this.timer);
    if (!this.current) return;
    const { title, since } = this.current;
    this.current = undefined;
    this.line(`${this.clock()} ${failed ? pc.red('✗') : pc.green('✓')} ${title} ${pc.dim(elapsed(since))}`);
  }

  private draw(): void {
    if (!this.out.isTTY || !this.current) return;
    const text = `${this.clock()} … ${this.current.title} ${elapsed(this.current.since)}`;
    this.out.write(`\r\x1b[2K${text.slice(0, (this.out.columns ?? 120) - 1)}`);
  }

  private line(text: string): void {
    this.out.write(`${this.out.isTTY ? '\r\x1b[2K' : ''}${text}\n`);
  }

  private clock(): string {
    const seconds = Math.floor((Date.now() - this.startedAt) / 1_000);
    return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
  }
}

const elapsed = (since: number): string => `${((Date.now() - since) / 1_000).toFixed(1)} s`;
