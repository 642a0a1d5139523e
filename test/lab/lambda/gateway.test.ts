import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateFunctionUrlConfigCommand, InvokeCommand, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { CreateStateMachineCommand, DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startMiniStack } from '../../../lab/engines/ministack.ts';
import { StepFunctions } from '../../../lab/engines/stepfunctions.ts';
import { enginesPython } from '../../../lab/engines/venv.ts';
import { Gateway } from '../../../lab/gateway/gateway.ts';
import { LAMBDA_ACTIONS } from '../../../lab/lambda/api.ts';
import { LambdaService } from '../../../lab/lambda/service.ts';
import { LabNetwork } from '../../../lab/network/network.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import { World } from '../../../lab/world.ts';
import { client, createFunction } from './functions.ts';

const EAST = 'us-east-1';
const WEST = 'us-west-2';
const SAMPLES = 200;
const project = mkdtempSync(join(tmpdir(), 'gateway-'));
const world = new World([EAST, WEST]);
const gateway = new Gateway({ world });
const network = new LabNetwork({ world });
let supervisor: Supervisor;
let service: LambdaService;

beforeAll(async () => {
  supervisor = await Supervisor.start({ project });
  await Promise.all([gateway.start(), network.start()]);
  const python = await enginesPython();
  await startMiniStack({ world, gateway, processes: supervisor, python });
  await StepFunctions.start({ world, gateway, processes: supervisor, python, regions: [EAST] });
  service = new LambdaService({
    world,
    network,
    processes: supervisor,
    stateDir: supervisor.folder,
    definitionsEndpoint: (region) => gateway.engineOf('lambda', region),
    gatewayEndpoint: (zone) => gateway.endpoint(zone),
    registerPrincipal: (key, name) => gateway.principals.set(key, name),
  });
  gateway.register('lambda', service.handle, LAMBDA_ACTIONS);
  gateway.functionUrls(service.handleUrl);
}, 180_000);

afterAll(async () => {
  await service.stop();
  await supervisor.stop();
  await Promise.all([gateway.stop(), network.stop()]);
  for (const folder of [project, supervisor.folder]) rmSync(folder, { recursive: true, force: true });
});

/** One bundle with SDK clients inside, as the steps are made. */
function bundle(code: string): string {
  const resolveDir = import.meta.dirname;
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" };
  const { outputFiles } = buildSync({
    stdin: { contents: code, resolveDir },
    bundle: true,
    platform: 'node',
    format: 'esm',
    minify: true,
    keepNames: true,
    write: false,
    banner,
  });
  return outputFiles[0]?.text ?? '';
}

async function milliseconds(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

it("runs a real bundle whose calls carry the function's name, and is quick", async () => {
  const code = bundle(`
    import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
    import { RDSClient } from '@aws-sdk/client-rds';
    const database = new DynamoDBClient();
    export const handler = async (event) => event.call ? (await database.send(new ListTablesCommand())).TableNames : RDSClient.name;
  `);
  const lambda = client(gateway.endpoint('internet'), EAST);
  await createFunction(lambda, 'step', { 'index.mjs': code });
  const invoke = (payload: string) => lambda.send(new InvokeCommand({ FunctionName: 'step', Payload: payload }));
  const coldMs = await milliseconds(() => invoke('{}'));
  const warmMs: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) warmMs.push(await milliseconds(() => invoke('{}')));
  warmMs.sort((a, b) => a - b);
  const medianMs = warmMs[SAMPLES / 2] ?? Number.NaN;
  // An idle machine takes 0.2 s and 3 ms; a busy one is no reason to fail.
  expect(medianMs).toBeLessThan(coldMs);

  expect((await invoke('{"call":true}')).Payload?.transformToString()).toBe('[]');
  expect(gateway.calls.at(-1)).toMatchObject({
    source: EAST,
    region: EAST,
    service: 'dynamodb',
    action: 'ListTables',
    principal: 'step',
    status: 200,
  });
  expect(gateway.calls.filter(({ action }) => action === 'Invoke')).toHaveLength(SAMPLES + 2);
});

it('answers under its public name, from a function in another region, until its own region is dark', async () => {
  const east = client(gateway.endpoint('internet'), EAST);
  const west = client(gateway.endpoint('internet'), WEST);
  await createFunction(west, 'beacon', {
    'index.mjs': 'export const handler = async ({ rawPath }) => ({ statusCode: 200, body: "serving " + rawPath });',
  });
  const { FunctionUrl } = await west.send(new CreateFunctionUrlConfigCommand({ FunctionName: 'beacon', AuthType: 'NONE' }));
  await service.publishUrls();
  const probe = `
    import https from 'node:https';
    export const handler = ({ url }) => new Promise((resolve) => {
      const request = https.get(url, { timeout: 2_000 }, (answer) => answer.setEncoding('utf8').on('data', (body) => resolve(answer.statusCode + ' ' + body)));
      request.on('timeout', () => request.destroy(new Error('timeout')));
      request.on('error', (error) => resolve(error.message));
    });
  `;
  await createFunction(east, 'prober', { 'index.mjs': probe });
  const ask = async () => JSON.parse((await service.invoke(EAST, 'prober', { url: `${FunctionUrl}path` })).payload.toString());
  expect(await ask()).toBe('200 serving /path');
  await world.blackout(WEST);
  expect(await ask()).toBe('timeout');
  await world.restore(WEST);
  expect(await ask()).toBe('200 serving /path');
});

it.each([
  [{ do: 'fail', message: 'lag is 40 s' }, 'ReplicaLagged'],
  [{ do: 'exit', code: 1 }, 'Runtime.ExitError'],
  [{ do: 'sleep', ms: 5_000 }, 'Sandbox.Timedout'],
  ['throttled', 'Lambda.TooManyRequestsException'],
])('Step Functions catches by the name of the error: %j is %s', async (event, name) => {
  const lambda = client(gateway.endpoint('internet'), EAST);
  const FunctionName = name.replace('.', '-');
  const arn = await createFunction(lambda, FunctionName, undefined, { Timeout: 1 });
  if (event === 'throttled') await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  const definition = JSON.stringify({
    StartAt: 'Act',
    States: {
      Act: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Parameters: { FunctionName: arn, Payload: event },
        Catch: [{ ErrorEquals: [name], Next: 'Caught' }],
        End: true,
      },
      Caught: { Type: 'Succeed' },
    },
  });
  const states = new SFNClient({
    region: EAST,
    endpoint: gateway.endpoint('internet'),
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const roleArn = 'arn:aws:iam::000000000000:role/states';
  const { stateMachineArn } = await states.send(new CreateStateMachineCommand({ name: FunctionName, definition, roleArn }));
  const { executionArn } = await states.send(new StartExecutionCommand({ stateMachineArn, input: '{}' }));
  const describe = () => states.send(new DescribeExecutionCommand({ executionArn }));
  await expect.poll(async () => (await describe()).status, { timeout: 45_000, interval: 100 }).not.toBe('RUNNING');
  const { status, output } = await describe();
  expect(status).toBe('SUCCEEDED');
  expect(JSON.parse(output ?? '{}')).toMatchObject({ Error: name });
});
