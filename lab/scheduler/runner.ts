import { randomUUID } from 'node:crypto';
import type { Delivery } from '../lambda/deliver.ts';
import type { Region, Stoppable } from '../types.ts';
import type { World } from '../world.ts';
import { type Clock, wallClock } from './clock.ts';
import { isOneTime, isRate, recurrence } from './expression.ts';
import { type Firing, payloadOf, type Schedule } from './schedule.ts';
import { ScheduleStore } from './store.ts';

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
const MAX_HISTORY = 10_000;

export interface ScheduleRunnerOptions {
  world: World;
  /** The engine that keeps schedules and rules, without the gateway. */
  schedules: (region: Region) => string;
  /** Hands an event to a function; rejects if Lambda does not accept it. */
  invoke: (region: Region, functionArn: string, payload: unknown, options: { type: 'Event' }) => Promise<unknown>;
  /** Sends what could not be handed over to a dead-letter queue. */
  deliver?: (region: Region, delivery: Delivery) => Promise<void>;
  clock?: Clock;
  /** A start comes up to this late (at random). AWS promises a precision of a minute. Default: 2 s. */
  latenessMs?: number;
  /** 0 to 1; for tests. */
  random?: () => number;
}

/** What became of a start, for the drill's report. `missed`: its region was dark. */
export interface FiringRecord {
  dueAt: number;
  at: number;
  region: Region;
  name: string;
  outcome: 'started' | 'missed' | 'failed';
  error?: string;
}

/**
 * Starts functions when their schedules are due, in place of the engine that keeps the schedules. Nothing starts while its region is
 * dark, and what was missed is not caught up. Changes of a schedule after it was taken over are not seen.
 */
export class ScheduleRunner implements Stoppable {
  /** The latest starts, oldest first. */
  readonly history: FiringRecord[] = [];
  private readonly options: ScheduleRunnerOptions;
  private readonly clock: Clock;
  private readonly stores = new Map<Region, ScheduleStore>();
  private readonly pending = new Set<() => void>();
  private stopped = false;

  constructor(options: ScheduleRunnerOptions) {
    this.options = options;
    this.clock = options.clock ?? wallClock;
  }

  /** Takes the enabled schedules of every region from the engine; again after each deployment, for those that are new. Returns their names. Not started, they start nothing: neither here nor in the engine. */
  async takeOver({ start = true } = {}): Promise<{ taken: string[]; left: string[] }> {
    const results = await Promise.all(this.options.world.regions.map((region) => this.store(region).take()));
    const schedules = results.flatMap((result) => result.schedules);
    if (start) for (const schedule of schedules) this.add(schedule);
    return { taken: schedules.map(({ name }) => name), left: results.flatMap(({ left }) => left) };
  }

  /** Starts a schedule's targets from now on. */
  add(schedule: Schedule): void {
    const now = this.clock.now();
    const times = recurrence(schedule.expression, { timezone: schedule.timezone, anchor: schedule.startsAt ?? now });
    // Without a start date, Scheduler starts a rate at once; a rule waits for its first interval to pass.
    const atOnce = isRate(schedule.expression) && schedule.source === 'aws.scheduler';
    const from = Math.max(now, schedule.startsAt ?? 0);
    this.arm(schedule, times, atOnce ? from - 1 : from);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const cancel of this.pending) cancel();
    this.pending.clear();
    for (const store of this.stores.values()) store.stop();
  }

  private arm(schedule: Schedule, times: (after: number) => number | undefined, after: number): void {
    const dueAt = times(after);
    if (dueAt === undefined || dueAt > (schedule.endsAt ?? Number.POSITIVE_INFINITY)) return;
    const { latenessMs = 2_000, random = Math.random } = this.options;
    const lateBy = random() * (latenessMs + schedule.windowMs);
    this.at(dueAt + lateBy, () => {
      for (const target of schedule.targets) void this.fire({ schedule, target, dueAt, executionId: randomUUID(), attempt: 1 });
      this.arm(schedule, times, dueAt);
    });
  }

  private async fire(firing: Firing): Promise<void> {
    const { schedule, target } = firing;
    if (this.options.world.isDark(schedule.region)) return this.record(firing, 'missed');
    try {
      await this.options.invoke(schedule.region, target.arn, payloadOf(firing), { type: 'Event' });
    } catch (error) {
      if (!this.stopped) await this.failed(firing, error as Error & { retryable?: boolean });
      return;
    }
    this.record(firing, 'started');
    if (schedule.deleteAfterCompletion && isOneTime(schedule.expression)) {
      // It has been started, whether or not the engine can be told.
      await this.store(schedule.region)
        .delete(schedule)
        .catch(() => undefined);
    }
  }

  /** Tries again while the policy allows and it may help; then the dead-letter queue. */
  private async failed(firing: Firing, error: Error & { retryable?: boolean }): Promise<void> {
    const { target, dueAt, attempt, schedule } = firing;
    const waitMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (attempt - 1));
    const tooOld = this.clock.now() + waitMs - dueAt > target.maxAgeMs;
    if (error.retryable !== false && attempt <= target.maxRetries && !tooOld) {
      this.at(this.clock.now() + waitMs, () => void this.fire({ ...firing, attempt: attempt + 1 }));
      return;
    }
    this.record(firing, 'failed', error.message);
    if (!target.deadLetterArn) return;
    const attributes = {
      ERROR_CODE: error.name,
      ERROR_MESSAGE: error.message.slice(0, 1024) || '-',
      EXHAUSTED_RETRY_CONDITION: tooOld ? 'MaximumEventAgeInSeconds' : 'MaximumRetryAttempts',
      RETRY_ATTEMPTS: String(attempt - 1),
      SCHEDULE_ARN: schedule.arn,
      TARGET_ARN: target.arn,
    };
    const body = target.input ?? JSON.stringify(payloadOf(firing));
    await this.options.deliver?.(schedule.region, { arn: target.deadLetterArn, body, attributes }).catch((lost: Error) => {
      this.record(firing, 'failed', `dead-letter queue: ${lost.message}`);
    });
  }

  private record({ schedule, dueAt }: Firing, outcome: FiringRecord['outcome'], error?: string): void {
    this.history.push({ dueAt, at: this.clock.now(), region: schedule.region, name: schedule.name, outcome, error });
    if (this.history.length > MAX_HISTORY) this.history.shift();
  }

  private at(time: number, act: () => void): void {
    if (this.stopped) return;
    const cancel = this.clock.at(time, () => {
      this.pending.delete(cancel);
      act();
    });
    this.pending.add(cancel);
  }

  private store(region: Region): ScheduleStore {
    let store = this.stores.get(region);
    if (!store) {
      store = new ScheduleStore(region, this.options.schedules(region));
      this.stores.set(region, store);
    }
    return store;
  }
}
