import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AwsCall, AwsReply, CallRecord } from '../types.ts';

/** Largest body that is read as a whole; S3's objects stream and are not bound by it. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/**
 * One request and its answer. It can be lost at any moment: then nothing more reaches the caller, who hears silence until his own
 * timeout or, at the latest, until the connection is dropped.
 */
export class Exchange {
  readonly request: IncomingMessage;
  readonly call: AwsCall;
  readonly record: CallRecord;
  private readonly response: ServerResponse;
  private lost = false;
  private abandon: () => void = () => undefined;

  constructor(request: IncomingMessage, response: ServerResponse, call: AwsCall) {
    this.request = request;
    this.response = response;
    this.call = call;
    const { id, at, source, region, service, action, principal } = call;
    this.record = { id, at, durationMs: 0, source, region, service, action, principal, status: 0 };
    response.once('close', () => this.closed());
  }

  /** Called once when the answer is complete or the connection is gone. */
  onClose(listener: () => void): void {
    this.response.once('close', listener);
  }

  /** What to give up (a request to an engine) when the caller can no longer be answered. */
  onAbandon(abandon: () => void): void {
    this.abandon = abandon;
  }

  get open(): boolean {
    return !this.lost && !this.response.destroyed;
  }

  reply({ status, headers, body }: AwsReply): void {
    if (!this.begin(status, headers ?? {}, body)) return;
    this.response.end(body ?? '');
  }

  /** Pass on an engine's answer as it comes. */
  relay(answer: IncomingMessage): void {
    const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = answer.headers;
    if (!this.begin(answer.statusCode ?? 502, headers as Record<string, string>)) {
      answer.destroy();
      return;
    }
    if (this.record.status >= 400 && !this.record.error) {
      answer.once('data', (first: Buffer) => {
        this.record.error = errorCode(first);
      });
    }
    answer.on('error', () => this.response.destroy());
    answer.pipe(this.response);
  }

  /** The packets stop arriving. The caller's connection is dropped after `blackholeMs`, or at once for 0. */
  lose(error: string, blackholeMs: number): void {
    if (this.lost) return;
    this.lost = true;
    this.record.error = error;
    this.record.status = 0;
    this.abandon();
    const drop = setTimeout(() => this.request.socket.destroy(), blackholeMs);
    this.response.once('close', () => clearTimeout(drop));
  }

  private begin(status: number, headers: Record<string, string>, body?: string | Buffer): boolean {
    if (!this.open) return false;
    this.record.status = status;
    if (status >= 400) this.record.error = headers['x-amzn-errortype']?.split(':')[0] ?? (body ? errorCode(body) : undefined);
    this.response.writeHead(status, { 'x-amzn-requestid': `lab-${this.call.id}`, ...headers });
    return true;
  }

  private closed(): void {
    this.record.durationMs = Date.now() - this.call.at;
    if (!this.response.writableFinished) this.abandon();
  }
}

/** The whole body of a request. */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new Error('The request is larger than the gateway reads.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** The error code in an AWS error body of any protocol. */
function errorCode(body: string | Buffer): string | undefined {
  const text = body.toString();
  const code = /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? /"(?:__type|code)"\s*:\s*"([^"]+)"/.exec(text)?.[1];
  return code?.split('#').at(-1);
}
