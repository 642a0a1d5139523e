import * as sdk from '@aws-sdk/client-rds';
import { XmlShapeSerializer } from '@aws-sdk/core/protocols';
import { NormalizedSchema } from '@smithy/core/schema';
import type { StaticErrorSchema, StaticOperationSchema, StaticStructureSchema } from '@smithy/types';

/**
 * The server's side of the AWS Query protocol for RDS, driven by the schemas that the SDK's client itself uses: what we write is what the
 * client reads, for every operation there is.
 */
const NAMESPACE = 'http://rds.amazonaws.com/doc/2014-10-31/';
const STRUCTURE = 3;
const OPERATION = 9;
const ERROR = -3;
const DATE_TIME = 5;

const schemas = Object.values(sdk).filter((value): value is never => Array.isArray(value)) as unknown[][];
const operations = new Map(
  schemas.filter(([kind]) => kind === OPERATION).map((schema) => [schema[2] as string, schema as StaticOperationSchema]),
);
const errors = new Map(schemas.filter(([kind]) => kind === ERROR).map((schema) => [schema[2] as string, schema as StaticErrorSchema]));

/** A fault without a class in the SDK: the service's common errors, such as `InvalidParameterValue`. */
export class CommonError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

function operation(action: string): StaticOperationSchema {
  const found = operations.get(action);
  if (!found) throw new CommonError('InvalidAction', `The action ${action} is not valid for this web service.`);
  return found;
}

interface Tree {
  [key: string]: string | Tree;
}

/** The typed input in a request's form body. */
export function decodeInput(action: string, form: URLSearchParams): unknown {
  const root: Tree = {};
  for (const [key, value] of form) {
    const path = key.split('.');
    let node = root;
    for (const part of path.slice(0, -1)) {
      const next = node[part];
      node = node[part] = typeof next === 'object' ? next : {};
    }
    node[path.at(-1)!] = value;
  }
  return decode(NormalizedSchema.of(operation(action)[4]), root);
}

function decode(schema: NormalizedSchema, value: string | Tree): unknown {
  if (schema.isStructSchema()) return decodeStructure(schema, value);
  if (schema.isListSchema()) return decodeList(schema, value);
  if (schema.isBooleanSchema()) return value === 'true';
  if (schema.isNumericSchema()) return Number(value);
  if (schema.isTimestampSchema()) return new Date(String(value));
  return value;
}

function decodeStructure(schema: NormalizedSchema, value: string | Tree): unknown {
  const decoded: Record<string, unknown> = {};
  for (const [name, member] of schema.structIterator()) {
    const found = typeof value === 'object' ? value[member.getMergedTraits().xmlName ?? name] : undefined;
    if (found !== undefined) decoded[name] = decode(member, found);
  }
  return decoded;
}

/** `Name.Element.1=a&Name.Element.2=b`; `Name=` is the empty list. */
function decodeList(schema: NormalizedSchema, value: string | Tree): unknown[] {
  if (typeof value === 'string') return [];
  const element = schema.getValueSchema();
  const items = value[element.getMergedTraits().xmlName ?? 'member'] ?? value.member ?? Object.values(value)[0];
  if (typeof items !== 'object') return [];
  const indices = Object.keys(items).sort((a, b) => Number(a) - Number(b));
  return indices.map((index) => decode(element, items[index]!));
}

/** The XML of a successful answer. */
export function encodeOutput(action: string, output: object, requestId: string): string {
  const schema = NormalizedSchema.of(operation(action)[5]);
  const result = schema.isStructSchema() ? serialize(schema.getSchema() as StaticStructureSchema, `${action}Result`, output) : '';
  return `<${action}Response xmlns="${NAMESPACE}">${result}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${action}Response>`;
}

/** A structure under another tag than its shape's name: several operations share one output shape. */
function serialize(schema: StaticStructureSchema, tag: string, value: object): string {
  const [, namespace, , traits, names, members] = schema;
  const serializer = new XmlShapeSerializer({
    xmlNamespace: NAMESPACE,
    serviceNamespace: 'com.amazonaws.rds',
    timestampFormat: { useTrait: true, default: DATE_TIME },
    httpBindings: false,
  });
  serializer.write([STRUCTURE, namespace, tag, traits, names, members], value);
  return String(serializer.flush());
}

/** Status, code and XML of a failed answer. Thrown SDK exceptions carry their wire code and status in their schema. */
export function encodeError(error: unknown, requestId: string): { status: number; xml: string } {
  const { code, status, message } = fault(error);
  const type = status < 500 ? 'Sender' : 'Receiver';
  const body = `<Type>${type}</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
  return { status, xml: `<ErrorResponse xmlns="${NAMESPACE}"><Error>${body}</Error><RequestId>${requestId}</RequestId></ErrorResponse>` };
}

function fault(error: unknown): { code: string; status: number; message: string } {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof CommonError) return { code: error.code, status: error.status, message };
  const traits = errors.get(name)?.[3];
  const wire = typeof traits === 'object' ? (traits.awsQueryError as unknown as [string, number] | undefined) : undefined;
  if (wire) return { code: wire[0], status: wire[1], message };
  return { code: 'InternalFailure', status: 500, message };
}

const escapeXml = (text: string): string => text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
