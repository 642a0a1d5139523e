import type { Network } from '../types.ts';
import type { Database } from './database.ts';
import { endpointHost } from './names.ts';

const REPLICATION_PORT = 5432;

/** The names under which instances stand in the network. */
export class Endpoints {
  /** What is published of each instance: addresses, and the server's port that they lead to. */
  private readonly published = new Map<Database, Map<string, number>>();

  constructor(
    private readonly network: Network,
    private readonly accountId: string,
  ) {}

  /** The name that clients use. */
  host(database: Database): string {
    return endpointHost(database.identifier, database.region, this.accountId);
  }

  /** The loopback port by which a replica reaches its source: through the link between their regions, by a name that no rename changes. */
  async replicationRoute(replica: Database, source: Database): Promise<number> {
    return this.network.route(replica.region, this.replicationHost(source), REPLICATION_PORT);
  }

  /** Makes the names lead to where the server runs now. Publishing resets connections, so only what changed is published. */
  publish(database: Database): void {
    const { port } = database.server;
    const wanted = [`${this.host(database)}:${database.port}`, `${this.replicationHost(database)}:${REPLICATION_PORT}`];
    const published = this.published.get(database) ?? new Map<string, number>();
    this.published.set(database, published);
    for (const address of published.keys()) {
      if (wanted.includes(address)) continue;
      this.network.withdraw(...split(address));
      published.delete(address);
    }
    for (const address of wanted) {
      if (published.get(address) === port) continue;
      const [host, publicPort] = split(address);
      this.network.publish(host, publicPort, database.region, port);
      published.set(address, port);
    }
  }

  withdraw(database: Database): void {
    for (const address of this.published.get(database)?.keys() ?? []) this.network.withdraw(...split(address));
    this.published.delete(database);
  }

  private replicationHost(database: Database): string {
    return endpointHost(`${database.resourceId.toLowerCase()}-replication`, database.region, this.accountId);
  }
}

function split(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), Number(address.slice(colon + 1))];
}
