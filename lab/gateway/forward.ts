import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AwsCall, AwsReply } from '../types.ts';
import { awsError } from './errors.ts';
import { type Exchange, readBody } from './exchange.ts';

/** Engines close idle connections after five seconds: we let go of them earlier, so that none is closed under a request. */
const agent = new Agent({ keepAlive: true, timeout: 3000, maxFreeSockets: 64 });

/** How long the gateway waits for an engine to begin its answer. Longer than a Lambda invocation may take. */
const ENGINE_TIMEOUT_MS = 16 * 60_000;

export interface Outgoing {
  /** The engine, for example `http://127.0.0.1:4566`. */
  upstream: string;
  headers: Record<string, string>;
  /** The body where it was read; the request's own stream is piped untouched otherwise. */
  body?: Buffer;
}

/** Send a request on to an engine and its answer back. Resolves when the answer has begun or the engine has failed. */
export async function forward(exchange: Exchange, outgoing: Outgoing): Promise<void> {
  try {
    const answer = await send(exchange.call, outgoing, outgoing.body ? undefined : exchange.request, (request) =>
      exchange.onAbandon(() => request.destroy()),
    );
    exchange.relay(answer);
  } catch (error) {
    const message = `The engine does not answer: ${(error as Error).message}`;
    exchange.reply(awsError({ status: 503, code: 'ServiceUnavailable', message }, exchange.call));
  }
}

/** Ask an engine as the gateway would, for a service that answers some of its operations itself. */
export async function askEngine(call: AwsCall, upstream: string): Promise<AwsReply> {
  const answer = await send(call, { upstream, headers: call.headers, body: call.body });
  const body = await readBody(answer);
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = answer.headers;
  return { status: answer.statusCode ?? 502, headers: headers as Record<string, string>, body };
}

function send(
  call: AwsCall,
  { upstream, headers, body }: Outgoing,
  stream?: IncomingMessage,
  started: (request: ClientRequest) => void = () => undefined,
): Promise<IncomingMessage> {
  const { hostname, port } = new URL(upstream);
  // The client has had its `100 Continue` from the gateway already.
  const { expect: _, connection: __, ...kept } = headers;
  const attempt = (last: boolean): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({
        agent,
        hostname,
        port,
        method: call.method,
        path: call.path,
        headers: kept,
        timeout: ENGINE_TIMEOUT_MS,
      });
      started(request);
      request.once('response', resolve);
      request.once('timeout', () => request.destroy(new Error('timeout')));
      request.once('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the engine closed as we used it: nothing was processed, a new connection will do.
        const stale = request.reusedSocket && error.code === 'ECONNRESET' && body !== undefined && !last;
        if (stale) attempt(true).then(resolve, reject);
        else reject(error);
      });
      if (stream) stream.pipe(request);
      else request.end(body);
    });
  return attempt(false);
}
