import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/**
 * Ports of servers that are down now but will be back. PostgreSQL cannot listen on port 0, so it is told a port that was free a moment
 * ago; two servers of one lab must not be told the same, or a client of the one might reach the other.
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
