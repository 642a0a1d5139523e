import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * Ports of programs that run, or are down now and will be back. One that cannot listen on port 0 is told a port that was free a moment
 * ago; two of one lab must not be told the same, or a client of the one might reach the other.
 */
const reserved = new Set<number>();

export async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    if (!reserved.has(port)) {
      reserved.add(port);
      return port;
    }
  }
}

export function releasePort(port: number): void {
  reserved.delete(port);
}
