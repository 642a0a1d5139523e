import type { IncomingMessage } from 'node:http';
import type { AwsCall, Region } from '../types.ts';

/** What the signature's credential scope says: whom the request is for, and whose key signed it. */
export interface Scope {
  accessKey: string;
  region: Region;
  service: string;
}

const SCOPE = /Credential=([^/,\s]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/;

/** Read the SigV4 scope, from the header or from a presigned URL's query. Undefined for a request that is not signed. */
export function scopeOf(request: IncomingMessage): Scope | undefined {
  const header = request.headers.authorization;
  const match = SCOPE.exec(header ?? '') ?? SCOPE.exec(presigned(request.url ?? ''));
  if (!match) return undefined;
  const [, accessKey = '', region = '', service = ''] = match;
  return { accessKey, region, service };
}

function presigned(url: string): string {
  if (!/x-amz-credential=/i.test(url)) return '';
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1));
  return `Credential=${query.get('X-Amz-Credential') ?? ''}`;
}

/** Services whose control plane is one for all regions: clients sign for any region, the call goes to us-east-1. */
const CONTROL_PLANES_IN_US_EAST_1 = new Set(['iam', 'route53', 'organizations', 'cloudfront', 'support']);

/** The region that a request really goes to. */
export function targetRegion(scope: Scope): Region {
  return CONTROL_PLANES_IN_US_EAST_1.has(scope.service) ? 'us-east-1' : scope.region;
}

/** Is this service served by one engine for all regions? */
export function isGlobal(service: string): boolean {
  return CONTROL_PLANES_IN_US_EAST_1.has(service) || service === 'sts';
}

/** Requests whose body names the operation or the table: read as a whole. Everything else streams. */
export function isSmallProtocol(request: IncomingMessage): boolean {
  const type = request.headers['content-type'] ?? '';
  return request.method === 'POST' && /x-amz-json|x-www-form-urlencoded|application\/cbor/.test(type);
}

/** The headers of a request for an engine, which takes an access key of twelve digits for the account. Signatures are not verified there. */
export function signedForAccount({ account, headers }: AwsCall): Record<string, string> {
  const { authorization } = headers;
  return account && authorization
    ? { ...headers, authorization: authorization.replace(/Credential=[^/]+/, `Credential=${account}`) }
    : headers;
}
