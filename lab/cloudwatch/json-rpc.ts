import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { NormalizedSchema } from '@smithy/core/schema';
import type { StaticErrorSchema, StaticOperationSchema } from '@smithy/types';
import type { AwsCall, AwsReply, AwsService } from '../types.ts';

/** An operation's implementation. Errors are the SDK's own exceptions. */
export type Handler = (input: never, call: AwsCall) => unknown;

interface Options {
  /** The SDK's client package, for the schemas it exports. */
  sdk: object;
  namespace: string;
  handlers: Record<string, Handler>;
}

const OPERATION = 9;
const ERROR = -3;
const CONTENT_TYPE = 'application/x-amz-json-1.0';

/** The server's side of AWS JSON 1.0, which the CloudWatch client speaks; other protocols are refused. */
export function jsonRpcService({ sdk, namespace, handlers }: Options): AwsService {
  const schemas = Object.values(sdk).filter(Array.isArray);
  const inputs = new Map(schemas.filter(isOperation).map((schema) => [schema[2], NormalizedSchema.of(schema[4])]));
  const errors = new Map(schemas.filter(isError).map((schema) => [schema[2], queryError(schema)]));

  return async (call) => {
    const handler = handlers[call.action];
    const input = inputs.get(call.action);
    if (!call.headers['x-amz-target'] || handler === undefined || input === undefined) {
      return failure(namespace, 'UnknownOperationException', `The lab does not model ${call.action || 'this protocol'}`, [
        'InvalidAction',
        400,
      ]);
    }
    try {
      const output = await handler(revive(input, parse(call)) as never, call);
      return { status: 200, headers: headers(), body: JSON.stringify(output ?? {}, secondsForDates) };
    } catch (error) {
      const { name, message } = error as Error;
      return failure(namespace, name, message, errors.get(name) ?? ['InternalServiceError', 500]);
    }
  };
}

function isOperation(schema: unknown[]): schema is StaticOperationSchema {
  return schema[0] === OPERATION;
}

function isError(schema: unknown[]): schema is StaticErrorSchema {
  return schema[0] === ERROR;
}

/** The code and status that the service had in its older protocol, which newer clients are told too. */
function queryError(schema: StaticErrorSchema): [string, number] {
  const { awsQueryError } = NormalizedSchema.of(schema).getMergedTraits() as { awsQueryError?: [string, number] };
  return awsQueryError ?? [schema[2], 400];
}

function parse({ headers, body }: AwsCall): unknown {
  const text = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
  return text.length === 0 ? {} : JSON.parse(text.toString('utf8'));
}

/** Seconds become dates where the schema says that they are times. */
function revive(schema: NormalizedSchema, value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (schema.isTimestampSchema()) return new Date(Number(value) * 1000);
  if (schema.isListSchema()) return (value as unknown[]).map((item) => revive(schema.getValueSchema(), item));
  if (!schema.isStructSchema()) return value;
  const given = value as Record<string, unknown>;
  const revived: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    if (given[name] !== undefined && given[name] !== null) revived[name] = revive(member, given[name]);
  }
  return revived;
}

/** JSON replacer: `value` of a date is already its ISO text. */
function secondsForDates(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  return original instanceof Date ? original.getTime() / 1000 : value;
}

const headers = (): Record<string, string> => ({ 'content-type': CONTENT_TYPE, 'x-amzn-requestid': randomUUID() });

function failure(namespace: string, name: string, message: string, [code, status]: [string, number]): AwsReply {
  return {
    status,
    headers: { ...headers(), 'x-amzn-query-error': `${code};${status < 500 ? 'Sender' : 'Receiver'}` },
    body: JSON.stringify({ __type: `${namespace}#${name}`, message }),
  };
}
