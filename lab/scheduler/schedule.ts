import type { Region } from '../types.ts';

export interface ScheduleTarget {
  /** A Lambda function's, with or without a qualifier. */
  arn: string;
  /** Constant JSON for the function; the service's own event if absent. */
  input?: string;
  maxRetries: number;
  maxAgeMs: number;
  deadLetterArn?: string;
}

/** A schedule of EventBridge Scheduler, or a rule of EventBridge with a schedule expression. */
export interface Schedule {
  source: 'aws.scheduler' | 'aws.events';
  region: Region;
  arn: string;
  name: string;
  group: string;
  expression: string;
  timezone?: string;
  /** Epoch milliseconds, like `endsAt`. */
  startsAt?: number;
  endsAt?: number;
  /** Each start is delayed by a random part of this. */
  windowMs: number;
  deleteAfterCompletion: boolean;
  targets: ScheduleTarget[];
}

/** One start of a target. */
export interface Firing {
  schedule: Schedule;
  target: ScheduleTarget;
  /** When the schedule was due, in epoch milliseconds. */
  dueAt: number;
  executionId: string;
  attempt: number;
}

export function isLambda(arn: string | undefined): boolean {
  return arn?.split(':')[2] === 'lambda';
}

/** What the function receives. */
export function payloadOf({ schedule, target, dueAt, executionId, attempt }: Firing): unknown {
  const time = `${new Date(dueAt).toISOString().slice(0, 19)}Z`;
  if (target.input === undefined) return scheduledEvent(schedule, time, executionId);
  if (schedule.source === 'aws.events') return JSON.parse(target.input);
  const attributes = {
    'schedule-arn': schedule.arn,
    'scheduled-time': time,
    'execution-id': executionId,
    'attempt-number': String(attempt),
  };
  return JSON.parse(
    target.input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (text, name) => attributes[name as keyof typeof attributes] ?? text),
  );
}

function scheduledEvent({ source, region, arn }: Schedule, time: string, id: string): unknown {
  const detail = source === 'aws.scheduler' ? '{}' : {};
  return { version: '0', id, 'detail-type': 'Scheduled Event', source, account: arn.split(':')[4], time, region, resources: [arn], detail };
}
