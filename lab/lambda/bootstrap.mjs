/**
 * Plays the managed Node.js runtime inside a sandbox: loads the handler, then loops over the documented Lambda Runtime API.
 * Plain JavaScript and without dependencies, since it starts in a bare Node process at each cold start.
 */
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

const env = process.env;
const [host, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const API = '/2018-06-01/runtime';
const UNHANDLED_REJECTION_EXIT = 128;
const UNCAUGHT_EXCEPTION_EXIT = 129;
let requestId;

function call(method, url, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: API + url, headers }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function toErrorObject(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function runtimeError(name, message, cause) {
  return Object.assign(new Error(message, { cause }), { name: `Runtime.${name}` });
}

/** Reports a failure of the current invocation, or of the initialisation where none has begun. */
function report(error) {
  const body = JSON.stringify(toErrorObject(error));
  const headers = { 'lambda-runtime-function-error-type': error?.name ?? 'Error', 'content-type': 'application/json' };
  return call('POST', requestId ? `/invocation/${requestId}/error` : '/init/error', body, headers);
}

async function die(error, label, status) {
  console.error(label, error);
  await report(error).catch(() => {});
  process.exit(status);
}

process.on('uncaughtException', (error) => die(error, 'Uncaught Exception', UNCAUGHT_EXCEPTION_EXIT));
process.on('unhandledRejection', (reason) =>
  die(runtimeError('UnhandledPromiseRejection', String(reason), reason), 'Unhandled Promise Rejection', UNHANDLED_REJECTION_EXIT),
);

function patchConsole() {
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', trace: 'TRACE', warn: 'WARN', error: 'ERROR' };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (...parts) => process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${format(...parts)}\n`);
  }
}

async function loadHandler() {
  const root = env.LAMBDA_TASK_ROOT;
  const folder = path.dirname(env._HANDLER);
  const [module, ...names] = path.basename(env._HANDLER).split('.');
  const file = ['.mjs', '.js', '.cjs'].map((suffix) => path.resolve(root, folder, module + suffix)).find(existsSync);
  if (!file) throw runtimeError('ImportModuleError', `Error: Cannot find module '${path.join(folder, module)}'`);
  const loaded = await import(pathToFileURL(file).href).catch((error) => {
    if (error?.code === 'ERR_MODULE_NOT_FOUND' || error?.code === 'MODULE_NOT_FOUND')
      throw runtimeError('ImportModuleError', `Error: ${error.message}`, error);
    if (error instanceof SyntaxError) throw runtimeError('UserCodeSyntaxError', `SyntaxError: ${error.message}`, error);
    throw error;
  });
  const find = (exports) => names.reduce((value, name) => value?.[name], exports);
  const handler = find(loaded) ?? find(loaded.default);
  if (handler === undefined) throw runtimeError('HandlerNotFound', `${env._HANDLER} is undefined or not exported`);
  if (typeof handler !== 'function') throw runtimeError('HandlerNotFound', `${env._HANDLER} is not a function`);
  return handler;
}

function contextOf(headers) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const client = headers['lambda-runtime-client-context'];
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: requestId,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    identity: undefined,
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

function serialise(result) {
  try {
    return JSON.stringify(result === undefined ? null : result);
  } catch (error) {
    throw runtimeError('MarshalError', 'Unable to stringify response body', error);
  }
}

async function serve(handler) {
  const { headers, body } = await call('GET', '/invocation/next');
  requestId = headers['lambda-runtime-aws-request-id'];
  env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  try {
    const result = serialise(await handler(JSON.parse(body), contextOf(headers)));
    await call('POST', `/invocation/${requestId}/response`, result, { 'content-type': 'application/json' });
  } catch (error) {
    console.error('Invoke Error', error);
    await report(error);
  }
}

patchConsole();
try {
  const handler = await loadHandler();
  for (;;) await serve(handler);
} catch (error) {
  if (error?.code === 'ECONNREFUSED' || error?.code === 'ECONNRESET') process.exit(0); // the lab has stopped
  await die(error, 'Init Error', 1);
}
