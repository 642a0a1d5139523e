import { CreateFunctionCommand, type CreateFunctionCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import { makeZip } from './zip.ts';

/** A handler that does what its event says. */
export const OBEDIENT = `
import { writeFileSync } from 'node:fs';
const startedAt = Date.now();
let calls = 0;
class ReplicaLagged extends Error { name = 'ReplicaLagged'; }
const acts = {
  echo: (event) => event,
  context: (_, { getRemainingTimeInMillis, ...context }) => ({ ...context, remaining: getRemainingTimeInMillis() }),
  environment: () => process.env,
  count: () => ({ calls: ++calls, pid: process.pid, startedAt }),
  sleep: ({ ms }) => new Promise((resolve) => setTimeout(() => resolve('slept'), ms)),
  log: ({ text }) => console.log(text),
  nothing: () => undefined,
  fail: ({ message }) => { throw new ReplicaLagged(message); },
  failOddly: () => { throw 'a string'; },
  exit: ({ code }) => process.exit(code),
  reject: () => { Promise.reject(new Error('nobody listens')); return new Promise(() => {}); },
  uncaught: () => { setTimeout(() => { throw new TypeError('late'); }, 1); return new Promise(() => {}); },
  huge: () => 'x'.repeat(7_000_000),
  circular: () => { const a = {}; a.a = a; return a; },
  flaky: ({ file }) => { writeFileSync(file, (++calls) + ''); throw new ReplicaLagged('attempt ' + calls); },
  http: ({ answer }) => answer,
};
export const handler = async (event, context) => (acts[event.do] ?? ((e) => e))(event, context);
`;

/** A client with the lab's dummy credentials. */
export function client(endpoint: string, region: string): LambdaClient {
  return new LambdaClient({ region, endpoint, maxAttempts: 1, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
}

export async function createFunction(
  lambda: LambdaClient,
  name: string,
  files: Record<string, string> = { 'index.mjs': OBEDIENT },
  input: Partial<CreateFunctionCommandInput> = {},
): Promise<string> {
  const { FunctionArn } = await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/lambda',
      Code: { ZipFile: makeZip(files) },
      Timeout: 10,
      ...input,
    }),
  );
  return FunctionArn ?? '';
}
