import { setTimeout as sleep } from 'node:timers/promises';
import type { Observation } from './probe.ts';

interface Schedule {
  /** Checkers do not probe in step: each begins at its own offset. */
  offsetMs: number;
  intervalMs: number;
  failureThreshold: number;
}

/** One of Route 53's health checkers at work for one check: healthy until it has seen enough failures in a row, and the reverse. */
export class Checker {
  healthy: boolean;
  last: (Observation & { at: Date }) | undefined;
  lastFailure: (Observation & { at: Date }) | undefined;
  private contrary = 0;
  private readonly aborted = new AbortController();
  private readonly ended: Promise<void>;

  constructor(schedule: Schedule, probe: (signal: AbortSignal) => Promise<Observation>, healthy = true) {
    this.healthy = healthy;
    this.ended = this.run(schedule, probe).catch(() => {}); // Ends only by `stop`, which aborts its waiting.
  }

  async stop(): Promise<void> {
    this.aborted.abort();
    await this.ended;
  }

  private async run(schedule: Schedule, probe: (signal: AbortSignal) => Promise<Observation>): Promise<void> {
    const { signal } = this.aborted;
    let next = performance.now() + schedule.offsetMs;
    for (;;) {
      await sleep(Math.max(0, next - performance.now()), undefined, { signal });
      next = performance.now() + schedule.intervalMs;
      const observation = await probe(signal);
      if (signal.aborted) return;
      this.record(observation, schedule.failureThreshold);
    }
  }

  private record(observation: Observation, threshold: number): void {
    this.last = { ...observation, at: new Date() };
    if (!observation.healthy) this.lastFailure = this.last;
    this.contrary = observation.healthy === this.healthy ? 0 : this.contrary + 1;
    if (this.contrary < threshold) return;
    this.healthy = observation.healthy;
    this.contrary = 0;
  }
}
