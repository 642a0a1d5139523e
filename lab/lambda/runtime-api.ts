import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FunctionError } from './errors.ts';

/** What the runtime is handed as the answer to `/invocation/next`. */
export interface RuntimeEvent {
  requestId: string;
  arn: string;
  /** Epoch milliseconds. */
  deadline: number;
  payload: Buffer;
  clientContext?: string;
}

export interface RuntimeListener {
  /** The runtime asks for work: it has initialised, or it is done with the last event. */
  next(): void;
  response(requestId: string, payload: Buffer): void;
  error(requestId: string, error: FunctionError): void;
  initError(error: FunctionError): void;
}

/** The Lambda Runtime API (version 2018-06-01) for one sandbox, as documented for custom runtimes. */
export class RuntimeApi {
  private readonly server: Server;
  private waiting: ServerResponse | undefined;

  constructor(listener: RuntimeListener) {
    this.server = createServer((request, response) => {
      this.answer(request, response, listener).catch(() => response.destroy());
    });
    // The runtime's request for the next event stays open for as long as the sandbox is idle.
    this.server.requestTimeout = 0;
    this.server.headersTimeout = 0;
    this.server.keepAliveTimeout = 0;
  }

  /** Listens on a free loopback port; resolves to `host:port`, as `AWS_LAMBDA_RUNTIME_API` wants it. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(this.server.address() as AddressInfo).port}`));
    });
  }

  /** Hands an event to the runtime, which must be waiting for one. */
  deliver(event: RuntimeEvent): void {
    const response = this.waiting;
    if (!response) throw new Error('the runtime is not waiting for an event');
    this.waiting = undefined;
    response.writeHead(200, {
      'content-type': 'application/json',
      'Lambda-Runtime-Aws-Request-Id': event.requestId,
      'Lambda-Runtime-Deadline-Ms': String(event.deadline),
      'Lambda-Runtime-Invoked-Function-Arn': event.arn,
      'Lambda-Runtime-Trace-Id': traceId(event.requestId),
      ...(event.clientContext && { 'Lambda-Runtime-Client-Context': event.clientContext }),
    });
    response.end(event.payload);
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async answer(request: IncomingMessage, response: ServerResponse, listener: RuntimeListener): Promise<void> {
    const [, version, runtime, kind, id = '', verb] = (request.url ?? '').split('/');
    if (version !== '2018-06-01' || runtime !== 'runtime') return end(response, 404);
    if (request.method === 'GET' && kind === 'invocation' && id === 'next') {
      this.waiting = response;
      return listener.next();
    }
    const body = await read(request);
    if (kind === 'init' && id === 'error') listener.initError(parse(body));
    else if (kind === 'invocation' && verb === 'response') listener.response(id, body);
    else if (kind === 'invocation' && verb === 'error') listener.error(id, parse(body));
    else return end(response, 404);
    end(response, 202);
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(status === 202 ? '{"status":"OK"}' : '{}');
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function parse(body: Buffer): FunctionError {
  return JSON.parse(body.toString()) as FunctionError;
}

function traceId(requestId: string): string {
  const hex = requestId.replaceAll('-', '');
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(16)};Sampled=0`;
}
