import { expect, it } from 'vitest';
import { DrivenClock } from '../../../lab/scheduler/clock.ts';
import { ScheduleRunner, type ScheduleRunnerOptions } from '../../../lab/scheduler/runner.ts';
import type { Schedule } from '../../../lab/scheduler/schedule.ts';
import { World } from '../../../lab/world.ts';

const EAST = 'us-east-1';
const MINUTE = 60_000;
const START = Date.parse('2026-11-20T10:00:00Z');
const FUNCTION = `arn:aws:lambda:${EAST}:000000000000:function:observer`;

function schedule(more: Partial<Schedule> = {}): Schedule {
  const arn = `arn:aws:scheduler:${EAST}:000000000000:schedule/default/observe`;
  const targets = [{ arn: FUNCTION, input: '{"loop":true}', maxRetries: 2, maxAgeMs: 10 * MINUTE }];
  const base = {
    source: 'aws.scheduler' as const,
    region: EAST,
    arn,
    name: 'observe',
    group: 'default',
    windowMs: 0,
    deleteAfterCompletion: false,
  };
  return { ...base, expression: 'rate(1 minute)', targets, ...more };
}

function rehearse(more: Partial<ScheduleRunnerOptions> = {}) {
  const world = new World([EAST]);
  const clock = new DrivenClock(START);
  const started: { atSeconds: number; payload: unknown }[] = [];
  const runner = new ScheduleRunner({
    world,
    clock,
    schedules: () => 'http://127.0.0.1:1',
    invoke: async (_region, _arn, payload) => started.push({ atSeconds: (clock.now() - START) / 1000, payload }),
    random: () => 0.5,
    latenessMs: 0,
    ...more,
  });
  return { world, clock, runner, started, seconds: () => started.map(({ atSeconds }) => atSeconds) };
}

it('starts a rate at once and then at its interval, with its input', async () => {
  const { runner, clock, started, seconds } = rehearse();
  runner.add(schedule());
  await clock.advance(2 * MINUTE);
  expect(seconds()).toEqual([0, 60, 120]);
  expect(started[0]?.payload).toEqual({ loop: true });
});

it('comes late by as much as the lab says, and by the flexible window', async () => {
  const { runner, clock, seconds } = rehearse({ latenessMs: 20_000 });
  runner.add(schedule());
  runner.add(schedule({ expression: 'rate(1 hour)', windowMs: 10 * MINUTE }));
  await clock.advance(6 * MINUTE);
  expect(seconds()).toEqual([10, 70, 130, 190, 250, 310, 310]);
});

it('lets weeks pass in no time', async () => {
  const { runner, clock, seconds } = rehearse();
  runner.add(schedule({ expression: 'cron(0 8 ? * MON *)', timezone: 'Europe/Berlin' }));
  await clock.advance(28 * 24 * 60 * MINUTE);
  expect(seconds()).toHaveLength(4);
});

it('starts nothing in the dark, and catches nothing up', async () => {
  const { runner, clock, world, seconds } = rehearse();
  runner.add(schedule());
  await world.blackout(EAST);
  await clock.advance(3.5 * MINUTE);
  await world.restore(EAST);
  await clock.advance(MINUTE);
  expect(seconds()).toEqual([240]);
  expect(runner.history.map(({ outcome }) => outcome)).toEqual(['missed', 'missed', 'missed', 'missed', 'started']);
});

it('keeps to its start and end', async () => {
  const { runner, clock, seconds } = rehearse();
  runner.add(schedule({ startsAt: START + 90_000, endsAt: START + 220_000 }));
  await clock.advance(10 * MINUTE);
  expect(seconds()).toEqual([90, 150, 210]);
});

it('gives a rule the event of EventBridge, after its first interval', async () => {
  const { runner, clock, started, seconds } = rehearse();
  const arn = `arn:aws:events:${EAST}:000000000000:rule/nightly`;
  runner.add(schedule({ source: 'aws.events', arn, targets: [{ arn: FUNCTION, maxRetries: 0, maxAgeMs: MINUTE }] }));
  await clock.advance(MINUTE);
  expect(seconds()).toEqual([60]);
  expect(started[0]?.payload).toMatchObject({
    source: 'aws.events',
    'detail-type': 'Scheduled Event',
    time: '2026-11-20T10:01:00Z',
    resources: [arn],
    detail: {},
  });
});

it('fills in what Scheduler knows', async () => {
  const { runner, clock, started } = rehearse();
  const input = '{"due":"<aws.scheduler.scheduled-time>","try":"<aws.scheduler.attempt-number>","other":"<aws.other>"}';
  runner.add(schedule({ targets: [{ arn: FUNCTION, input, maxRetries: 0, maxAgeMs: MINUTE }] }));
  await clock.advance(0);
  expect(started[0]?.payload).toEqual({ due: '2026-11-20T10:00:00Z', try: '1', other: '<aws.other>' });
});

it('tries again as the policy says, then sends a dead letter', async () => {
  const letters: unknown[] = [];
  const attempts: number[] = [];
  const { runner, clock } = rehearse({
    invoke: async () => {
      attempts.push((clock.now() - START) / 1000);
      throw Object.assign(new Error('Rate Exceeded.'), { name: 'TooManyRequestsException' });
    },
    deliver: async (region, letter) => void letters.push({ region, ...letter }),
  });
  runner.add(
    schedule({
      expression: 'rate(1 day)',
      targets: [{ arn: FUNCTION, input: '{}', maxRetries: 2, maxAgeMs: MINUTE, deadLetterArn: 'arn:aws:sqs:us-east-1:0:dlq' }],
    }),
  );
  await clock.advance(10 * MINUTE);
  expect(attempts).toEqual([0, 1, 3]);
  expect(letters).toEqual([
    {
      region: EAST,
      arn: 'arn:aws:sqs:us-east-1:0:dlq',
      body: '{}',
      attributes: expect.objectContaining({
        ERROR_CODE: 'TooManyRequestsException',
        RETRY_ATTEMPTS: '2',
        EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
      }),
    },
  ]);
  expect(runner.history).toMatchObject([{ outcome: 'failed', error: 'Rate Exceeded.' }]);
});

it('is still after it was stopped', async () => {
  const { runner, clock, seconds } = rehearse();
  runner.add(schedule());
  await runner.stop();
  await clock.advance(5 * MINUTE);
  expect(seconds()).toEqual([]);
});
