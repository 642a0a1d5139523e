import { randomUUID } from 'node:crypto';
import { type FunctionUrlConfig, type LambdaClient, ListFunctionUrlConfigsCommand, paginateListFunctions } from '@aws-sdk/client-lambda';
import type { Region } from '../types.ts';
import { LambdaApiError } from './errors.ts';
import type { InvokeResult } from './invocation.ts';

/** An HTTP request to a function URL. */
export interface UrlRequest {
  /** `<id>.lambda-url.<region>.on.aws`, without a port. */
  host: string;
  method: string;
  /** Path with query, as received. */
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
  sourceIp?: string;
}

export interface UrlResponse {
  status: number;
  headers: Record<string, string>;
  cookies: string[];
  body: Buffer;
}

type Run = (functionName: string, payload: Buffer, qualifier?: string) => Promise<InvokeResult>;

/** What a function may answer in payload format 2.0; anything else is a JSON body with status 200. */
interface FunctionAnswer {
  statusCode: number;
  headers?: Record<string, string | number | boolean>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
}

/** Function URLs: finds the function of a host name, and translates request and answer (payload format 2.0, buffered). */
export class FunctionUrls {
  private readonly client: (region: Region) => LambdaClient;
  private readonly configs = new Map<string, FunctionUrlConfig>();
  private readonly searches = new Map<Region, Promise<void>>();

  constructor(client: (region: Region) => LambdaClient) {
    this.client = client;
  }

  async answer(region: Region, request: UrlRequest, run: Run): Promise<UrlResponse> {
    const config = await this.find(region, request.host);
    if (!config) return plain(404, { Message: null });
    if (config.AuthType === 'AWS_IAM' && !headerOf(request, 'authorization')) return plain(403, { Message: 'Forbidden' });
    const [name = '', qualifier] = (config.FunctionArn ?? '').split(':').slice(6);
    try {
      const result = await run(name, Buffer.from(JSON.stringify(eventOf(request))), qualifier);
      return result.functionError ? internalError() : responseOf(JSON.parse(result.payload.toString()));
    } catch (error) {
      if (error instanceof LambdaApiError) return error.status === 429 ? plain(429, { Message: 'Too Many Requests' }) : internalError();
      throw error;
    }
  }

  /** Host names of all function URLs of a region, read anew. */
  async hosts(region: Region): Promise<string[]> {
    await this.search(region);
    return [...this.configs.keys()].filter((host) => host.includes(`.lambda-url.${region}.`));
  }

  private async find(region: Region, host: string): Promise<FunctionUrlConfig | undefined> {
    if (!this.configs.has(host)) {
      let search = this.searches.get(region);
      if (!search) {
        search = this.search(region).finally(() => this.searches.delete(region));
        this.searches.set(region, search);
      }
      await search;
    }
    return this.configs.get(host);
  }

  /** Reads all function URLs of a region. A URL keeps its function for life, so what was found stays valid. */
  private async search(region: Region): Promise<void> {
    const client = this.client(region);
    for await (const page of paginateListFunctions({ client }, {})) {
      for (const { FunctionName } of page.Functions ?? []) {
        const { FunctionUrlConfigs = [] } = await client.send(new ListFunctionUrlConfigsCommand({ FunctionName }));
        for (const config of FunctionUrlConfigs) this.configs.set(new URL(config.FunctionUrl ?? '').hostname, config);
      }
    }
  }
}

function headerOf(request: UrlRequest, name: string): string | undefined {
  return Object.entries(request.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function eventOf(request: UrlRequest): Record<string, unknown> {
  const url = new URL(request.path, `https://${request.host}`);
  const headers = Object.fromEntries(
    Object.entries({ ...request.headers, host: request.host }).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const { cookie, ...rest } = headers;
  const query = [...new Set(url.searchParams.keys())].map((key) => [key, url.searchParams.getAll(key).join(',')]);
  const now = new Date();
  const text = /^(text\/|application\/(json|javascript|xml|x-www-form-urlencoded))/.test(headers['content-type'] ?? '');
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookie && { cookies: cookie.split('; ') }),
    headers: rest,
    ...(query.length > 0 && { queryStringParameters: Object.fromEntries(query) }),
    requestContext: {
      accountId: 'anonymous',
      apiId: request.host.split('.')[0],
      domainName: request.host,
      domainPrefix: request.host.split('.')[0],
      http: {
        method: request.method,
        path: url.pathname,
        protocol: 'HTTP/1.1',
        sourceIp: request.sourceIp ?? '127.0.0.1',
        userAgent: headers['user-agent'],
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: clfTime(now),
      timeEpoch: now.getTime(),
    },
    ...(request.body?.length && { body: request.body.toString(text ? 'utf8' : 'base64') }),
    isBase64Encoded: Boolean(request.body?.length) && !text,
  };
}

/** `21/Nov/2026:09:05:07 +0000`, the common log format's. */
function clfTime(at: Date): string {
  const [, day, month, year, time] = at.toUTCString().split(' ');
  return `${day}/${month}/${year}:${time} +0000`;
}

function responseOf(result: unknown): UrlResponse {
  if (!isAnswer(result)) return { ...plain(200, result), body: Buffer.from(typeof result === 'string' ? result : JSON.stringify(result)) };
  const headers = Object.fromEntries(Object.entries(result.headers ?? {}).map(([key, value]) => [key.toLowerCase(), String(value)]));
  return {
    status: result.statusCode,
    headers: { 'content-type': 'application/json', ...headers },
    cookies: result.cookies ?? [],
    body: Buffer.from(result.body ?? '', result.isBase64Encoded ? 'base64' : 'utf8'),
  };
}

function isAnswer(result: unknown): result is FunctionAnswer {
  return typeof result === 'object' && result !== null && 'statusCode' in result && typeof result.statusCode === 'number';
}

function plain(status: number, body: unknown): UrlResponse {
  return { status, headers: { 'content-type': 'application/json' }, cookies: [], body: Buffer.from(JSON.stringify(body)) };
}

function internalError(): UrlResponse {
  return { status: 502, headers: { 'content-type': 'application/json' }, cookies: [], body: Buffer.from('Internal Server Error') };
}
