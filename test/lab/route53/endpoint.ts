import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AwsService } from '../../../lab/types.ts';

/** An AWS endpoint with one service behind it: what a request's SigV4 scope says becomes the call. */
export class Endpoint {
  private calls = 0;
  private readonly server: Server;

  constructor(service: AwsService) {
    this.server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const [, region = '', signingName = ''] = /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
      const reply = await service({
        id: ++this.calls,
        at: Date.now(),
        source: 'internet',
        region,
        service: signingName,
        action: String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '',
        principal: 'lab',
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers as Record<string, string>,
        body: Buffer.concat(parts),
      });
      response.writeHead(reply.status, reply.headers);
      response.end(reply.body);
    });
  }

  async start(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** Configuration of an SDK client that calls this endpoint. */
  client(region = 'us-east-1') {
    const { port } = this.server.address() as AddressInfo;
    return { region, endpoint: `http://127.0.0.1:${port}`, credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' }, maxAttempts: 1 };
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
