import {
  DeleteFunctionCommand,
  InvokeCommand,
  type InvokeCommandInput,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { client, createFunction } from './functions.ts';
import { EAST, startLab, type TestLab, WEST } from './lab.ts';
import { makeZip } from './zip.ts';

let lab: TestLab;
let lambda: LambdaClient;

beforeAll(async () => {
  lab = await startLab({ limits: { idleMs: 1_500 } });
  lambda = client(lab.endpoint, EAST);
  await createFunction(lambda, 'obedient', undefined, {
    MemorySize: 256,
    Environment: { Variables: { COLOUR: 'blue', NODE_OPTIONS: '--enable-source-maps' } },
  });
}, 120_000);

afterAll(() => lab.stop());

async function invoke(event: unknown, input: Partial<InvokeCommandInput> = {}, through = lambda) {
  const answer = await through.send(new InvokeCommand({ FunctionName: 'obedient', Payload: JSON.stringify(event), ...input }));
  const text = answer.Payload?.transformToString() ?? '';
  const log = Buffer.from(answer.LogResult ?? '', 'base64').toString();
  return {
    status: answer.StatusCode,
    error: answer.FunctionError,
    version: answer.ExecutedVersion,
    payload: text && JSON.parse(text),
    log,
  };
}

describe('an answer', () => {
  it('carries the payload and the version', async () => {
    expect(await invoke({ do: 'echo', a: [1, 'ü'] })).toMatchObject({
      status: 200,
      error: undefined,
      version: '$LATEST',
      payload: { do: 'echo', a: [1, 'ü'] },
    });
  });

  it.each([1, 'text', [1], true])('hands over a payload that is no object: %j', async (event) => {
    expect((await invoke(event)).payload).toEqual(event);
  });

  it('is null when the handler returns nothing', async () => {
    expect(await invoke({ do: 'nothing' })).toMatchObject({ payload: null, error: undefined });
  });

  it('accepts an ARN for a name', async () => {
    expect((await invoke({ do: 'echo' }, { FunctionName: `arn:aws:lambda:${EAST}:000000000000:function:obedient` })).status).toBe(200);
  });

  it('brings the log on request', async () => {
    const { log } = await invoke({ do: 'log', text: 'hello from inside' }, { LogType: 'Tail' });
    expect(log).toMatch(/^START RequestId: .+\n.+\tINFO\thello from inside\nEND RequestId: .+\nREPORT RequestId: .+\tMemory Size: 256 MB/s);
    expect(lab.service.logs(EAST, 'obedient').join('\n')).toContain('hello from inside');
  });
});

describe('the context', () => {
  it('is the one of Lambda', async () => {
    const { payload } = await invoke({ do: 'context' });
    expect(payload).toMatchObject({
      functionName: 'obedient',
      functionVersion: '$LATEST',
      invokedFunctionArn: `arn:aws:lambda:${EAST}:000000000000:function:obedient`,
      memoryLimitInMB: '256',
      logGroupName: '/aws/lambda/obedient',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(payload.remaining).toBeGreaterThan(9_000);
    expect(payload.remaining).toBeLessThanOrEqual(10_000);
  });

  it('has an environment without anything of the host', async () => {
    const { payload } = await invoke({ do: 'environment' });
    expect(payload).toMatchObject({
      COLOUR: 'blue',
      AWS_REGION: EAST,
      AWS_ENDPOINT_URL: lab.endpoint,
      _HANDLER: 'index.handler',
      NODE_OPTIONS: '--enable-source-maps',
    });
    expect(lab.principals.get(payload.AWS_ACCESS_KEY_ID)).toBe('obedient');
    expect(
      Object.keys(payload).filter(
        (name) => !/^(AWS_|_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_|COLOUR|NODE_OPTIONS|TZ|LANG|PATH|LIFEBOAT_LAB_RUN|HOME)/.test(name),
      ),
    ).toEqual([]);
  });
});

describe('an error', () => {
  it('keeps the name of the class, the message and the trace, and the sandbox', async () => {
    const before = await invoke({ do: 'count' });
    const { status, error, payload } = await invoke({ do: 'fail', message: 'lag is 40 s' });
    expect({ status, error }).toEqual({ status: 200, error: 'Unhandled' });
    expect(payload).toMatchObject({ errorType: 'ReplicaLagged', errorMessage: 'lag is 40 s' });
    expect(payload.trace[0]).toBe('ReplicaLagged: lag is 40 s');
    expect((await invoke({ do: 'count' })).payload).toMatchObject({ pid: before.payload.pid, calls: before.payload.calls + 1 });
  });

  it.each([
    [{ do: 'failOddly' }, 'string', /^a string$/],
    [{ do: 'exit', code: 7 }, 'Runtime.ExitError', /^RequestId: .+ Error: Runtime exited with error: exit status 7$/],
    [{ do: 'exit', code: 0 }, 'Runtime.ExitError', /^RequestId: .+ Error: Runtime exited without providing a reason$/],
    [{ do: 'reject' }, 'Runtime.UnhandledPromiseRejection', /^Error: nobody listens$/],
    [{ do: 'uncaught' }, 'TypeError', /^late$/],
    [{ do: 'circular' }, 'Runtime.MarshalError', /stringify/],
    [{ do: 'huge' }, 'Function.ResponseSizeTooLarge', /6291556 bytes/],
  ])('of %j is %s', async (event, errorType, message) => {
    const { error, payload } = await invoke(event);
    expect(error).toBe('Unhandled');
    expect(payload).toMatchObject({ errorType, errorMessage: expect.stringMatching(message) });
  });

  it.each([
    ['a missing module', { 'index.mjs': "import 'nowhere'; export const handler = () => 1;" }, 'Runtime.ImportModuleError'],
    ['no file', { 'other.mjs': '' }, 'Runtime.ImportModuleError'],
    ['a syntax error', { 'index.mjs': 'export const handler = (' }, 'Runtime.UserCodeSyntaxError'],
    ['no handler', { 'index.mjs': 'export const other = 1;' }, 'Runtime.HandlerNotFound'],
    [
      'a throw while loading',
      { 'index.mjs': "class PlanInvalid extends Error { name = 'PlanInvalid' }\nthrow new PlanInvalid('x');" },
      'PlanInvalid',
    ],
  ])('at cold start: %s', async (name, files, errorType) => {
    const FunctionName = name.replaceAll(' ', '-');
    await createFunction(lambda, FunctionName, files as Record<string, string>);
    expect(await invoke({}, { FunctionName })).toMatchObject({ status: 200, error: 'Unhandled', payload: { errorType } });
  });

  it('of time: Sandbox.Timedout after the configured seconds', async () => {
    await createFunction(lambda, 'slow', undefined, { Timeout: 1 });
    const startedAt = Date.now();
    const { error, payload, log } = await invoke({ do: 'sleep', ms: 5_000 }, { FunctionName: 'slow', LogType: 'Tail' });
    expect(Date.now() - startedAt).toBeLessThan(2_500);
    expect({ error, ...payload }).toEqual({
      error: 'Unhandled',
      errorType: 'Sandbox.Timedout',
      errorMessage: expect.stringMatching(/^RequestId: \S+ Error: Task timed out after 1.00 seconds$/),
    });
    expect(log).toMatch(/Status: timeout/);
    expect(lab.service.logs(EAST, 'slow').join('\n')).toMatch(/^\d{4}-\S+Z \S+ Task timed out after 1\.00 seconds$/m);
    expect((await invoke({ do: 'echo' }, { FunctionName: 'slow' })).error).toBeUndefined();
  });
});

describe('the API', () => {
  it('refuses what it must', async () => {
    await expect(invoke({}, { FunctionName: 'nobody' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
    await expect(invoke({}, { Payload: 'no json' })).rejects.toMatchObject({
      name: 'InvalidRequestContentException',
      $metadata: { httpStatusCode: 400 },
    });
  });

  it('answers a dry run without running', async () => {
    expect(await invoke({ do: 'exit', code: 1 }, { InvocationType: 'DryRun' })).toMatchObject({ status: 204, payload: '' });
  });

  it('keeps reserved concurrency', async () => {
    await createFunction(lambda, 'single');
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: 'single', ReservedConcurrentExecutions: 1 }));
    const first = invoke({ do: 'sleep', ms: 400 }, { FunctionName: 'single' });
    await expect.poll(() => lab.service.logs(EAST, 'single').length).toBeGreaterThan(0);
    await expect(invoke({}, { FunctionName: 'single' })).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      $metadata: { httpStatusCode: 429 },
    });
    expect((await first).payload).toBe('slept');
    expect((await invoke({ do: 'echo' }, { FunctionName: 'single' })).error).toBeUndefined();
  });
});

describe('sandboxes', () => {
  it('serve one invocation at a time and are used again', async () => {
    await createFunction(lambda, 'parallel');
    const pids = async (n: number) => {
      const answers = await Promise.all(Array.from({ length: n }, () => invoke({ do: 'count' }, { FunctionName: 'parallel' })));
      return new Set(answers.map(({ payload }) => payload.pid));
    };
    const first = await pids(3);
    expect(first.size).toBe(3);
    expect([...first]).toEqual(expect.arrayContaining([...(await pids(2))]));
  });

  it('load CommonJS, and new code as soon as it is there', async () => {
    await createFunction(lambda, 'common', { 'app/main.js': 'exports.run = async () => "one"' }, { Handler: 'app/main.run' });
    expect((await invoke({}, { FunctionName: 'common' })).payload).toBe('one');
    await lambda.send(
      new UpdateFunctionCodeCommand({ FunctionName: 'common', ZipFile: makeZip({ 'app/main.js': 'exports.run = async () => "two"' }) }),
    );
    await expect.poll(async () => (await invoke({}, { FunctionName: 'common' })).payload, { timeout: 30_000, interval: 250 }).toBe('two');
    await lambda.send(new DeleteFunctionCommand({ FunctionName: 'common' }));
  });

  it('are apart by region', async () => {
    const west = client(lab.endpoint, WEST);
    await createFunction(west, 'obedient');
    expect((await invoke({ do: 'environment' }, {}, west)).payload).toMatchObject({ AWS_REGION: WEST });
  });

  it('expire when idle', async () => {
    await expect.poll(() => lab.service.sandboxes(), { timeout: 30_000 }).toBe(0);
  });
});
