import {
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMiniStack } from '../../../lab/engines/ministack.ts';
import { StepFunctions } from '../../../lab/engines/stepfunctions.ts';
import { enginesPython } from '../../../lab/engines/venv.ts';
import { EAST, type Fixture, startFixture } from '../gateway/fixture.ts';
import { type Functions, invoke, invokeOver, Machines, machine } from './machines.ts';

let lab: Fixture;
let machines: Machines;
const attempts = new Map<string, number>();
const tokens: string[] = [];

const named = (name: string): Error => Object.assign(new Error(`${name} was thrown`), { name });
const functions: Functions = {
  echo: (payload) => payload,
  fail: ({ name }) => {
    throw named(String(name));
  },
  flaky: ({ key, failures }) => {
    const attempt = (attempts.get(String(key)) ?? 0) + 1;
    attempts.set(String(key), attempt);
    if (attempt <= Number(failures)) throw named('NotReady');
    return { attempt };
  },
  slow: ({ milliseconds }) => new Promise((resolve) => setTimeout(() => resolve({}), Number(milliseconds))),
  callback: ({ token }) => tokens.push(String(token)),
};

beforeAll(async () => {
  const python = await enginesPython();
  lab = await startFixture({}, [EAST]);
  const { world, gateway, supervisor: processes } = lab;
  await startMiniStack({ world, gateway, processes, python });
  await StepFunctions.start({ world, gateway, processes, python, regions: [EAST] });
  gateway.register('lambda', invokeOver(functions), ['Invoke']);
  machines = new Machines(new SFNClient(lab.client(EAST)));
}, 180_000);
afterAll(() => lab?.stop());

const retry = { ErrorEquals: ['NotReady'], IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 1, MaxDelaySeconds: 1, JitterStrategy: 'FULL' };

describe('moto runs the machines', () => {
  it('and its tasks are seen by the gateway', async () => {
    const { result } = await machines.run(machine({ A: invoke('echo', { 'Payload.$': '$' }, { End: true }) }), { a: 1 });
    expect(result).toEqual({ value: { a: 1 } });
    const call = lab.gateway.calls.findLast((record) => record.action === 'Invoke');
    expect(call).toMatchObject({ source: EAST, region: EAST, service: 'lambda', principal: 'states', status: 200 });
  });

  it('retries and catches an error by its own name', async () => {
    const flaky = invoke('flaky', { Payload: { key: 'retry', failures: 2 } }, { Retry: [retry], ResultPath: '$.flaky', Next: 'Fail' });
    const fail = invoke(
      'fail',
      { Payload: { name: 'LeaseLost' } },
      {
        Retry: [retry],
        Catch: [
          { ErrorEquals: ['NotReady'], Next: 'Wrong' },
          { ErrorEquals: ['LeaseLost'], ResultPath: '$.error', Next: 'Caught' },
        ],
        End: true,
      },
    );
    const { result } = await machines.run(
      machine({ Flaky: flaky, Fail: fail, Caught: { Type: 'Pass', End: true }, Wrong: { Type: 'Fail' } }),
      { kept: 1 },
    );
    expect(result).toMatchObject({ kept: 1, flaky: { value: { attempt: 3 } }, error: { Error: 'LeaseLost' } });
    expect(JSON.parse((result as { error: { Cause: string } }).error.Cause)).toMatchObject({ errorMessage: 'LeaseLost was thrown' });
  });

  it('takes a function’s ARN as a task’s resource', async () => {
    const Resource = `arn:aws:lambda:${EAST}:000000000000:function`;
    const fail = { Type: 'Task', Resource: `${Resource}:fail`, Parameters: { name: 'Transient' }, ResultPath: '$.never' };
    const caught = { Catch: [{ ErrorEquals: ['Transient'], ResultPath: '$.error', Next: 'Echo' }], Next: 'Echo' };
    const echo = { Type: 'Task', Resource: `${Resource}:echo`, Parameters: { 'a.$': '$.a', 'error.$': '$.error.Error' }, End: true };
    const { result } = await machines.run(machine({ Fail: { ...fail, ...caught }, Echo: echo }), { a: 1 });
    expect(result).toEqual({ a: 1, error: 'Transient' });
  });

  it('goes on with the input of a Map whose result nobody reads', async () => {
    const each = machine({ Say: { Type: 'Pass', End: true } });
    const map = { Type: 'Map', ItemsPath: '$.items', ItemProcessor: each, ResultPath: null, Next: 'Then' };
    const { result } = await machines.run(machine({ Map: map, Then: { Type: 'Pass', End: true } }), { items: [1, 2], kept: 1 });
    expect(result).toEqual({ items: [1, 2], kept: 1 });
  });

  it('maps over maps, in parallel, with selectors and the context object', async () => {
    const inner = machine({ Deep: invoke('echo', { Payload: { 'name.$': '$.name', 'run.$': '$.run' } }, { End: true }) });
    const outer = machine({
      Wave: {
        Type: 'Map',
        ItemsPath: '$.wave',
        ItemSelector: { 'name.$': '$$.Map.Item.Value', 'run.$': '$.run' },
        ItemProcessor: inner,
        End: true,
      },
    });
    const waves = {
      Type: 'Map',
      MaxConcurrency: 1,
      ItemsPath: '$.waves',
      ItemSelector: { 'wave.$': '$$.Map.Item.Value', 'run.$': '$$.Execution.Name' },
      ItemProcessor: outer,
      ResultPath: '$.done',
      End: true,
    };
    const both = { Type: 'Parallel', Branches: [machine({ Waves: waves }), machine({ Pass: { Type: 'Pass', End: true } })], End: true };
    const { result } = await machines.run(machine({ Both: both }), { waves: [['a', 'b'], ['c']] }, 'run-1');
    const done = (name: string) => ({ value: { name, run: 'run-1' } });
    expect(result).toEqual([{ waves: [['a', 'b'], ['c']], done: [[done('a'), done('b')], [done('c')]] }, { waves: [['a', 'b'], ['c']] }]);
  });

  it('catches what a map’s item or a parallel branch throws, and retries them as a whole', async () => {
    const failing = machine({ Item: invoke('fail', { Payload: { name: 'PromotionFailed' } }, { End: true }) });
    const caught = { Catch: [{ ErrorEquals: ['PromotionFailed'], ResultPath: '$.error', Next: 'Next' }] };
    const flaky = machine({ Item: invoke('flaky', { Payload: { key: 'map', failures: 1 } }, { End: true }) });
    const { result } = await machines.run(
      machine({
        Map: { Type: 'Map', ItemsPath: '$.items', ItemProcessor: failing, ...caught, Next: 'Wrong' },
        Next: {
          Type: 'Parallel',
          Branches: [failing],
          Catch: [{ ...caught.Catch[0], ResultPath: '$.second', Next: 'Again' }],
          Next: 'Wrong',
        },
        Again: { Type: 'Map', ItemsPath: '$.items', ItemProcessor: flaky, Retry: [retry], ResultPath: '$.again', End: true },
        Wrong: { Type: 'Fail' },
      }),
      { items: [1] },
    );
    expect(result).toMatchObject({
      error: { Error: 'PromotionFailed' },
      second: { Error: 'PromotionFailed' },
      again: [{ value: { attempt: 2 } }],
    });
  });

  it('bounds a task and a machine in time', async () => {
    const slow = invoke(
      'slow',
      { Payload: { milliseconds: 3000 } },
      { TimeoutSeconds: 1, Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Late' }], End: true },
    );
    const task = machines.run(machine({ Slow: slow, Late: { Type: 'Pass', Result: { late: true }, End: true } }));
    const whole = machines.run(machine({ Wait: { Type: 'Wait', Seconds: 10, End: true } }, { TimeoutSeconds: 1 }));
    expect((await task).result).toEqual({ late: true });
    expect((await whole).status).toBe('TIMED_OUT');
  });

  it('waits for a task token, with success, failure and a limit', async () => {
    const wait = (more: object) => ({
      Type: 'Task',
      Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
      Parameters: { FunctionName: 'callback', Payload: { 'token.$': '$$.Task.Token' } },
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
      End: true,
      ...more,
    });
    const run = (more: object) => machines.run(machine({ Wait: wait(more), Caught: { Type: 'Pass', End: true } }));
    const token = async (): Promise<string> => {
      while (tokens.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      return tokens.pop()!;
    };
    const approved = run({});
    await machines.client.send(new SendTaskSuccessCommand({ taskToken: await token(), output: '{"approved":true}' }));
    expect((await approved).result).toEqual({ approved: true });
    const refused = run({});
    await machines.client.send(new SendTaskFailureCommand({ taskToken: await token(), error: 'Refused', cause: 'not today' }));
    // moto loses the cause.
    expect((await refused).result).toMatchObject({ Error: 'Refused' });
    expect((await run({ TimeoutSeconds: 1 })).result).toMatchObject({ Error: 'States.Timeout' });
    // AWS: States.HeartbeatTimeout. Machines catch both.
    expect((await run({ HeartbeatSeconds: 1, TimeoutSeconds: 9 })).result).toMatchObject({ Error: 'States.Timeout' });
  });

  it('knows the intrinsic functions and the context', async () => {
    const { result } = await machines.run(
      machine({
        A: {
          Type: 'Pass',
          Parameters: {
            'format.$': "States.Format('{}:{}', $.a, $$.Execution.Name)",
            'merged.$': 'States.JsonMerge($.x, $.y, false)',
            'length.$': 'States.ArrayLength($.l)',
            'sum.$': 'States.MathAdd($.a, 2)',
            'text.$': 'States.JsonToString($.x)',
            'input.$': '$$.Execution.Input.a',
            'started.$': '$$.Execution.StartTime',
            'machine.$': '$$.StateMachine.Id',
          },
          End: true,
        },
      }),
      { a: 1, l: [1, 2], x: { q: 1 }, y: { w: 2 } },
      'context',
    );
    expect(result).toMatchObject({ format: '1:context', merged: { q: 1, w: 2 }, length: 2, sum: 3, text: '{"q":1}', input: 1 });
    expect(Date.parse((result as { started: string }).started)).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('executions', () => {
  it('start once under one name', async () => {
    const stateMachineArn = await machines.create(machine({ Wait: { Type: 'Wait', Seconds: 30, End: true } }));
    const start = (input: string) => machines.client.send(new StartExecutionCommand({ stateMachineArn, name: 'incident-1', input }));
    const [first, second] = [await start('{}'), await start('{}')];
    expect(second.executionArn).toBe(first.executionArn);
    await expect(start('{"other":1}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    await machines.client.send(new StopExecutionCommand({ executionArn: first.executionArn, error: 'Stopped', cause: 'by a test' }));
    expect(await machines.end(first.executionArn!)).toMatchObject({ status: 'ABORTED' });
    const listed = await machines.client.send(new ListExecutionsCommand({ stateMachineArn }));
    expect(listed.executions?.map(({ name, status }) => [name, status])).toEqual([['incident-1', 'ABORTED']]);
  });

  it('run the definition as it is at their start, and keep a history', async () => {
    const pass = (version: string) => machine({ A: { Type: 'Pass', Result: { version }, End: true } });
    const stateMachineArn = await machines.create(pass('old'));
    const run = async () => machines.end((await machines.client.send(new StartExecutionCommand({ stateMachineArn }))).executionArn!);
    expect((await run()).result).toEqual({ version: 'old' });
    await machines.client.send(new UpdateStateMachineCommand({ stateMachineArn, definition: JSON.stringify(pass('new')) }));
    const { result, executionArn } = await run();
    expect(result).toEqual({ version: 'new' });
    const { events } = await machines.client.send(new GetExecutionHistoryCommand({ executionArn }));
    expect(events?.map((event) => event.type)).toEqual(['ExecutionStarted', 'PassStateEntered', 'PassStateExited', 'ExecutionSucceeded']);
  });

  it('of a machine that does not exist are refused', async () => {
    const stateMachineArn = `arn:aws:states:${EAST}:000000000000:stateMachine:none`;
    await expect(machines.client.send(new StartExecutionCommand({ stateMachineArn }))).rejects.toMatchObject({
      name: 'StateMachineDoesNotExist',
    });
  });
});
