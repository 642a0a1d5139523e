import type { AwsCall, AwsReply } from '../types.ts';
import { LambdaApiError } from './errors.ts';
import type { InvocationType, InvokeOptions, InvokeResult } from './invocation.ts';

const INVOKE_PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
const TYPES: readonly string[] = ['RequestResponse', 'Event', 'DryRun'] satisfies InvocationType[];
const MAX_REQUEST_BYTES = { sync: 6_291_456, async: 1_048_576 };

type Invoke = (functionName: string, payload: Buffer, options: InvokeOptions) => Promise<InvokeResult>;

/** The operations of Lambda that the lab serves itself; all others belong to the engine that keeps the functions. */
export const LAMBDA_ACTIONS: readonly string[] = ['Invoke'];

/** True for calls that `LambdaService.handle` serves. */
export function servesInvoke(call: Pick<AwsCall, 'service' | 'method' | 'path'>): boolean {
  return call.service === 'lambda' && call.method === 'POST' && INVOKE_PATH.test(new URL(call.path, 'http://lambda').pathname);
}

/** Answers an `Invoke` call as the Lambda API does. */
export async function answer(call: AwsCall, invoke: Invoke): Promise<AwsReply> {
  try {
    return success(await request(call, invoke), header(call, 'x-amz-log-type'));
  } catch (error) {
    if (error instanceof LambdaApiError) return failure(error);
    throw error;
  }
}

async function request(call: AwsCall, invoke: Invoke): Promise<InvokeResult> {
  const url = new URL(call.path, 'http://lambda');
  const name = INVOKE_PATH.exec(url.pathname)?.[1];
  if (!name) throw new LambdaApiError('UnknownOperationException', 404, `${call.method} ${url.pathname} is not served here`);
  const type = header(call, 'x-amz-invocation-type') ?? 'RequestResponse';
  if (!isInvocationType(type))
    throw new LambdaApiError('InvalidParameterValueException', 400, `Unknown invocation type: ${type}`, { Type: 'User' });
  return invoke(decodeURIComponent(name), checked(call.body, type), {
    type,
    qualifier: url.searchParams.get('Qualifier') ?? undefined,
    clientContext: decodeContext(header(call, 'x-amz-client-context')),
  });
}

function checked(body: Buffer, type: InvocationType): Buffer {
  const limit = type === 'Event' ? MAX_REQUEST_BYTES.async : MAX_REQUEST_BYTES.sync;
  if (body.length > limit)
    throw new LambdaApiError(
      'RequestTooLargeException',
      413,
      `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      { Type: 'User' },
    );
  if (body.length === 0) return Buffer.from('{}');
  try {
    JSON.parse(body.toString());
    return body;
  } catch (error) {
    throw new LambdaApiError('InvalidRequestContentException', 400, `Could not parse request body into json: ${(error as Error).message}`, {
      Type: 'User',
    });
  }
}

function success(result: InvokeResult, logType: string | undefined): AwsReply {
  const headers: Record<string, string> = { 'x-amzn-RequestId': result.requestId };
  if (result.status !== 200) return { status: result.status, headers };
  headers['Content-Type'] = 'application/json';
  headers['X-Amz-Executed-Version'] = result.version;
  if (result.functionError) headers['X-Amz-Function-Error'] = result.functionError;
  if (logType === 'Tail') headers['X-Amz-Log-Result'] = Buffer.from(result.logTail).toString('base64');
  return { status: result.status, headers, body: result.payload };
}

function failure({ code, status, message, detail }: LambdaApiError): AwsReply {
  const headers = { 'Content-Type': 'application/json', 'x-amzn-ErrorType': code };
  return { status, headers, body: JSON.stringify({ ...detail, message }) };
}

function header(call: AwsCall, name: string): string | undefined {
  return Object.entries(call.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function isInvocationType(type: string): type is InvocationType {
  return TYPES.includes(type);
}

function decodeContext(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}
