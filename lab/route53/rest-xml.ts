import { randomUUID } from 'node:crypto';
import { XmlShapeDeserializer, XmlShapeSerializer } from '@aws-sdk/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import type { StaticErrorSchema, StaticOperationSchema } from '@smithy/types';
import type { AwsCall, AwsReply, AwsService } from '../types.ts';

/** An operation's implementation: input and output as the SDK's types say. Errors are the SDK's own exceptions. */
type Handler = (input: never) => unknown;

interface Operation {
  handler: Handler;
  method: string;
  path: RegExp;
  labels: string[];
  status: number;
  input: NormalizedSchema;
  output: NormalizedSchema;
}

interface Options {
  /** The SDK's client package, for the schemas it exports. */
  sdk: object;
  xmlNamespace: string;
  serviceNamespace: string;
  handlers: Record<string, Handler>;
}

const TIMESTAMP_DATE_TIME = 5;
const OPERATION = 9;
const ERROR = -3;

/** The server's side of the REST-XML protocol, driven by the schemas that an SDK client exports. */
export function restXmlService(options: Options): AwsService {
  const settings = {
    timestampFormat: { useTrait: true, default: TIMESTAMP_DATE_TIME },
    httpBindings: true,
    xmlNamespace: options.xmlNamespace,
    serviceNamespace: options.serviceNamespace,
  } as const;
  const reader = new XmlShapeDeserializer(settings);
  const writer = new XmlShapeSerializer(settings);
  const schemas = Object.values(options.sdk).filter(Array.isArray);
  const operations = schemas.filter(isOperation).flatMap((schema) => operation(schema, options.handlers));
  const errorStatus = new Map(schemas.filter(isError).map((schema) => [schema[2], statusOf(schema)]));

  return async (call) => {
    const requestId = randomUUID();
    try {
      const matched = match(operations, call);
      if (matched === undefined) return failure(options, requestId, 404, 'UnknownOperationException', `${call.method} ${call.path}`);
      const { operation, labels, query } = matched;
      const input = { ...readBody(reader, operation, call.body), ...readBindings(operation, labels, query) };
      const output = ((await operation.handler(input as never)) ?? {}) as Record<string, unknown>;
      return success(writer, operation, output, requestId);
    } catch (error) {
      const { name, message } = error as Error;
      const status = errorStatus.get(name);
      return status === undefined
        ? failure(options, requestId, 500, 'InternalFailure', message)
        : failure(options, requestId, status, name, message);
    }
  };
}

function isOperation(schema: unknown[]): schema is StaticOperationSchema {
  return schema[0] === OPERATION;
}

function isError(schema: unknown[]): schema is StaticErrorSchema {
  return schema[0] === ERROR;
}

function statusOf(schema: StaticErrorSchema): number {
  const { httpError } = NormalizedSchema.of(schema).getMergedTraits() as { httpError?: number };
  return httpError ?? 400;
}

function operation(schema: StaticOperationSchema, handlers: Record<string, Handler>): Operation[] {
  const [, , name, traits, input, output] = schema;
  const handler = handlers[name];
  if (handler === undefined) return [];
  const [method, uri, status] = (traits as { http: [string, string, number] }).http;
  const labels = [...uri.matchAll(/\{(\w+)\}/g)].map((found) => found[1]!);
  const path = new RegExp(`^${uri.replace(/\{\w+\}/g, '([^/]+)')}/?$`);
  return [{ handler, method, path, labels, status, input: NormalizedSchema.of(input), output: NormalizedSchema.of(output) }];
}

function match(operations: Operation[], call: AwsCall) {
  const url = new URL(call.path, 'http://localhost');
  for (const operation of operations) {
    const found = operation.method === call.method ? operation.path.exec(url.pathname) : null;
    if (found === null) continue;
    const labels = new Map(operation.labels.map((label, index) => [label, decodeURIComponent(found[index + 1]!)]));
    return { operation, labels, query: url.searchParams };
  }
  return undefined;
}

function readBody(reader: XmlShapeDeserializer, { input }: Operation, body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  return reader.read(input, body) as Record<string, unknown>;
}

function readBindings({ input }: Operation, labels: Map<string, string>, query: URLSearchParams): Record<string, unknown> {
  const bound: Record<string, unknown> = {};
  for (const [name, member] of input.structIterator()) {
    const queryName = member.getMergedTraits().httpQuery;
    const text = labels.get(name) ?? (queryName === undefined ? undefined : query.get(queryName));
    if (text !== undefined && text !== null) bound[name] = member.isNumericSchema() ? Number(text) : text;
  }
  return bound;
}

function success(writer: XmlShapeSerializer, { output, status }: Operation, value: Record<string, unknown>, requestId: string): AwsReply {
  const headers: Record<string, string> = { 'content-type': 'text/xml', 'x-amzn-requestid': requestId };
  const body = { ...value };
  for (const [name, member] of output.structIterator()) {
    const header = member.getMergedTraits().httpHeader;
    if (header === undefined) continue;
    headers[header.toLowerCase()] = String(value[name]);
    delete body[name];
  }
  writer.write(output, body);
  return { status, headers, body: `<?xml version="1.0" encoding="UTF-8"?>${writer.flush()}` };
}

function failure(options: Options, requestId: string, status: number, code: string, message: string): AwsReply {
  const type = status < 500 ? 'Sender' : 'Receiver';
  const error = `<Error><Type>${type}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
  return {
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body: `<ErrorResponse xmlns="${options.xmlNamespace}">${error}<RequestId>${requestId}</RequestId></ErrorResponse>`,
  };
}

const escapeXml = (text: string): string => text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
