import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Stoppable, Zone } from '../types.ts';

type Lookup = (zone: Zone, host: string, port: number) => Promise<number | undefined>;

/** Tells processes of the lab by which loopback port they reach a name: `GET /<zone>/<host>/<port>`, 404 for an unknown name. */
export class NameServer implements Stoppable {
  private readonly lookup: Lookup;
  private readonly server = createServer((request, response) => void this.answer(request.url ?? '', response));

  constructor(lookup: Lookup) {
    this.lookup = lookup;
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(0, '127.0.0.1', resolve);
    });
  }

  get url(): string {
    const address = this.server.address();
    if (address === null) throw new Error('The network has not been started');
    return `http://127.0.0.1:${(address as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(path: string, response: ServerResponse): Promise<void> {
    const [, zone = '', host = '', port = ''] = path.split('/').map(decodeURIComponent);
    const loopbackPort = await this.lookup(zone, host, Number(port)).catch(() => undefined);
    response.writeHead(loopbackPort === undefined ? 404 : 200, { connection: 'close' });
    response.end(loopbackPort === undefined ? '' : String(loopbackPort));
  }
}
