import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Region } from '../types.ts';

/** Runs a function for an event that the engine delivers; resolves to the function's answer. */
export type Trigger = (region: Region, functionName: string, event: unknown) => Promise<{ failed: boolean; payload: Buffer }>;

const PATH = /^\/([^/]+)\/([^/]+)$/;

/** The loopback port to which the engine forwards the events of its topics, event buses and queues: `POST /<region>/<function>`. */
export class TriggerPort {
  private readonly server: Server;
  private listening: Promise<string> | undefined;

  constructor(trigger: Trigger) {
    this.server = createServer((request, response) => {
      serve(request, response, trigger).catch((error: Error) => response.writeHead(500).end(error.message));
    });
  }

  url(): Promise<string> {
    this.listening ??= new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`));
    });
    return this.listening;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, trigger: Trigger): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const [, region, name] = PATH.exec(request.url ?? '') ?? [];
  if (!region || !name) {
    response.writeHead(404).end();
    return;
  }
  const { failed, payload } = await trigger(region, name, JSON.parse(Buffer.concat(chunks).toString()));
  response.writeHead(failed ? 500 : 200, { 'content-type': 'application/json' }).end(payload);
}
