import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Network, Stoppable } from '../types.ts';

/** Pages of somebody else on the public internet: the workload's payments provider, and the observers' reference. */
export const PAYMENTS_HOST = 'payments.example.net';
export const REFERENCE_HOST = 'reference.example.net';

/** A host on the internet that answers every request with one status. */
export class StubHost implements Stoppable {
  readonly host: string;
  /** What it answers from now on. */
  status = 200;
  private readonly server: Server;

  private constructor(host: string) {
    this.host = host;
    this.server = createServer((_request, response) => {
      response.writeHead(this.status, { 'content-type': 'text/plain' });
      response.end(`${host}\n`);
    });
  }

  static async start(host: string, network: Network): Promise<StubHost> {
    const stub = new StubHost(host);
    stub.server.listen(0, '127.0.0.1');
    await once(stub.server, 'listening');
    network.publish(host, 80, 'internet', (stub.server.address() as AddressInfo).port);
    return stub;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
