import type { AwsReply } from '../types.ts';

/** What the answer's form depends on. */
export interface ErrorContext {
  service: string;
  headers: Record<string, string>;
}

export type ErrorKind = 'throttle' | 'server-error' | 'access-denied';

interface AwsError {
  status: number;
  code: string;
  message: string;
}

const QUERY_SERVICES = new Set([
  'rds',
  'iam',
  'sts',
  'cloudformation',
  'autoscaling',
  'elasticloadbalancing',
  'elasticache',
  'ec2',
  'route53',
  'sns',
]);
const REST_JSON_SERVICES = new Set(['lambda', 'scheduler', 'eks', 'backup', 'xray']);

/** The error that this service gives for this kind of trouble, in the form of the request's protocol. */
export function errorReply(kind: ErrorKind, context: ErrorContext, message?: string): AwsReply {
  const error = errorOf(kind, context);
  return awsError({ ...error, message: message ?? error.message }, context);
}

/** An error answer in the form that the caller's protocol asks for: JSON, REST-JSON, CBOR, Query XML, EC2 or S3 XML. */
export function awsError({ status, code, message }: AwsError, { service, headers }: ErrorContext): AwsReply {
  const json = headers['content-type']?.includes('x-amz-json') ? headers['content-type'] : undefined;
  if (headers['smithy-protocol'] === 'rpc-v2-cbor') {
    return {
      status,
      headers: { 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
      body: cborMap({ __type: code, message }),
    };
  }
  if (json) return { status, headers: { 'content-type': json }, body: JSON.stringify({ __type: code, message }) };
  if (REST_JSON_SERVICES.has(service)) {
    return { status, headers: { 'content-type': 'application/json', 'x-amzn-errortype': code }, body: JSON.stringify({ message }) };
  }
  return { status, headers: { 'content-type': 'text/xml' }, body: xmlError(service, code, message, status) };
}

function xmlError(service: string, code: string, message: string, status: number): string {
  const inner = `<Code>${code}</Code><Message>${message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</Message>`;
  if (service === 's3') return `<?xml version="1.0" encoding="UTF-8"?><Error>${inner}<RequestId>lab</RequestId></Error>`;
  if (service === 'ec2') return `<Response><Errors><Error>${inner}</Error></Errors><RequestID>lab</RequestID></Response>`;
  const type = status < 500 ? 'Sender' : 'Receiver';
  return `<ErrorResponse><Error><Type>${type}</Type>${inner}</Error><RequestId>lab</RequestId></ErrorResponse>`;
}

function errorOf(kind: ErrorKind, { service }: ErrorContext): AwsError {
  const xml = QUERY_SERVICES.has(service) || service === 's3';
  if (kind === 'access-denied') {
    return {
      status: xml || REST_JSON_SERVICES.has(service) ? 403 : 400,
      code: xml ? 'AccessDenied' : 'AccessDeniedException',
      message: 'Access denied by the lab.',
    };
  }
  return kind === 'throttle' ? throttle(service) : serverError(service);
}

function throttle(service: string): AwsError {
  const message = 'Rate exceeded';
  if (service === 's3') return { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
  if (service === 'lambda') return { status: 429, code: 'TooManyRequestsException', message };
  if (service === 'scheduler') return { status: 429, code: 'ThrottlingException', message };
  return { status: 400, code: QUERY_SERVICES.has(service) ? 'Throttling' : 'ThrottlingException', message };
}

function serverError(service: string): AwsError {
  const codes: Record<string, string> = {
    s3: 'InternalError',
    lambda: 'ServiceException',
    dynamodb: 'InternalServerError',
    scheduler: 'InternalServerException',
    ecs: 'ServerException',
  };
  return { status: 500, code: codes[service] ?? 'InternalFailure', message: 'An internal error, by the lab.' };
}

/** CBOR of a small map of texts, by RFC 8949: major type 5, then pairs of major type 3. */
function cborMap(map: Record<string, string>): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    return Buffer.concat([bytes.length < 24 ? Buffer.from([0x60 | bytes.length]) : Buffer.from([0x78, bytes.length]), bytes]);
  };
  return Buffer.concat([
    Buffer.from([0xa0 | Object.keys(map).length]),
    ...Object.entries(map).flatMap(([key, value]) => [text(key), text(value)]),
  ]);
}
