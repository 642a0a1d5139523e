import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeRuleCommand, EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  GetScheduleCommand,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../../lab/engines/engine.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import { DrivenClock } from '../../../lab/scheduler/clock.ts';
import { ScheduleRunner } from '../../../lab/scheduler/runner.ts';
import { World } from '../../../lab/world.ts';
import { startEngine } from '../lambda/engine.ts';

const EAST = 'us-east-1';
const WEST = 'us-west-2';
const FUNCTION = `arn:aws:lambda:${EAST}:000000000000:function:observer`;
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const project = mkdtempSync(join(tmpdir(), 'scheduler-'));
let supervisor: Supervisor;
let engine: Engine;
let scheduler: SchedulerClient;

beforeAll(async () => {
  supervisor = await Supervisor.start({ project });
  engine = await startEngine(supervisor);
  scheduler = new SchedulerClient({ region: EAST, endpoint: engine.url, credentials });
}, 120_000);

afterAll(async () => {
  await supervisor.stop();
  for (const folder of [project, supervisor.folder]) rmSync(folder, { recursive: true, force: true });
});

function create(Name: string, more: Partial<CreateScheduleCommandInput> = {}, through = scheduler) {
  const Target = {
    Arn: FUNCTION,
    RoleArn: 'arn:aws:iam::000000000000:role/scheduler',
    Input: '{"a":1}',
    RetryPolicy: { MaximumRetryAttempts: 3 },
  };
  const FlexibleTimeWindow = { Mode: 'OFF' as const };
  return through.send(new CreateScheduleCommand({ Name, ScheduleExpression: 'rate(1 minute)', FlexibleTimeWindow, Target, ...more }));
}

it('takes the schedules and rules that start functions, in every region, and the engine keeps them disabled', async () => {
  await create('observe');
  await scheduler.send(new CreateScheduleGroupCommand({ Name: 'lifeboat' }));
  await create('nightly', { GroupName: 'lifeboat', ScheduleExpression: 'cron(0 2 * * ? *)', ScheduleExpressionTimezone: 'Europe/Berlin' });
  await create('off', { State: 'DISABLED' });
  await create('queued', { Target: { Arn: `arn:aws:sqs:${EAST}:000000000000:q`, RoleArn: 'arn:aws:iam::000000000000:role/scheduler' } });
  await create('western', {}, new SchedulerClient({ region: WEST, endpoint: engine.url, credentials }));
  const events = new EventBridgeClient({ region: EAST, endpoint: engine.url, credentials });
  await events.send(new PutRuleCommand({ Name: 'hourly', ScheduleExpression: 'rate(1 hour)' }));
  await events.send(new PutTargetsCommand({ Rule: 'hourly', Targets: [{ Id: 'one', Arn: FUNCTION }] }));

  const clock = new DrivenClock(Date.parse('2026-11-20T00:00:00Z'));
  const started: string[] = [];
  const invoke = async (region: string, arn: string, payload: unknown) =>
    started.push(`${region} ${arn.split(':').at(-1)} ${JSON.stringify(payload)}`);
  const runner = new ScheduleRunner({ world: new World([EAST, WEST]), schedules: () => engine.url, invoke, clock, latenessMs: 0 });
  const { taken, left } = await runner.takeOver();
  expect(taken.sort()).toEqual(['hourly', 'nightly', 'observe', 'western']);
  expect(left).toEqual(['queued']);

  const stored = await scheduler.send(new GetScheduleCommand({ Name: 'nightly', GroupName: 'lifeboat' }));
  expect(stored).toMatchObject({
    State: 'DISABLED',
    ScheduleExpressionTimezone: 'Europe/Berlin',
    Target: { Input: '{"a":1}', RetryPolicy: { MaximumRetryAttempts: 3 } },
  });
  expect((await events.send(new DescribeRuleCommand({ Name: 'hourly' }))).State).toBe('DISABLED');

  await clock.advance(60_000);
  expect(started.sort()).toEqual([
    `${EAST} observer {"a":1}`,
    `${EAST} observer {"a":1}`,
    `${WEST} observer {"a":1}`,
    `${WEST} observer {"a":1}`,
  ]);
  await clock.advance(3_600_000);
  expect(new Set(runner.history.map(({ name }) => name))).toEqual(new Set(['observe', 'western', 'nightly', 'hourly']));

  expect((await runner.takeOver()).taken).toEqual([]);
  await runner.stop();
});
