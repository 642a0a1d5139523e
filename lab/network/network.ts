import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Network, Stoppable, Zone } from '../types.ts';
import type { World } from '../world.ts';
import { Connection } from './connection.ts';
import { NameServer } from './name-server.ts';

const SHIM = fileURLToPath(new URL('./shim.cjs', import.meta.url));

/** Where a public name leads at this moment, as its DNS says; undefined for a name that DNS does not know. */
export type AliasResolver = (host: string) => Promise<string | undefined>;

/** A place that a name leads to. Without `port` it was withdrawn: its host is known and refuses. */
interface Endpoint {
  host: string;
  zone: Zone;
  port: number | undefined;
}

/** Names in zones, and the proxies by which callers in other zones reach them as far as the world lets them. */
export class LabNetwork implements Network, Stoppable {
  /** Asked at connect time for names that nobody published. Set when the DNS exists. */
  resolveAlias: AliasResolver;
  private readonly world: World;
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly hosts = new Set<string>();
  private readonly proxies = new Map<string, Promise<Server>>();
  private readonly connections = new Map<Connection, Endpoint | undefined>();
  private readonly delays = new Map<string, number>();
  private readonly blocked = new Set<string>();
  private readonly nameServer = new NameServer((zone, host, port) => this.lookup(zone, host, port));
  private stopped = false;

  constructor(options: { world: World; resolveAlias?: AliasResolver }) {
    this.world = options.world;
    this.resolveAlias = options.resolveAlias ?? (async () => undefined);
    this.world.onChange(() => this.linksChanged());
  }

  async start(): Promise<void> {
    await this.nameServer.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    const servers = await Promise.all(this.proxies.values());
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const connection of this.connections.keys()) connection.destroy();
    await Promise.all([...closed, this.nameServer.stop()]);
  }

  publish(host: string, port: number, zone: Zone, targetPort: number): void {
    this.place({ host: canonical(host), zone, port: targetPort }, port);
  }

  withdraw(host: string, port: number): void {
    const old = this.endpoints.get(address(host, port));
    if (old !== undefined) this.place({ ...old, port: undefined }, port);
  }

  /** Reset the established connections to a host, as after the revocation of a security group's rule. New ones are accepted. */
  reset(host: string): void {
    this.resetWhere((endpoint) => endpoint.host === canonical(host));
  }

  async route(from: Zone, host: string, port: number): Promise<number> {
    if (this.stopped) throw new Error('The network has stopped');
    const key = `${from} ${address(host, port)}`;
    let proxy = this.proxies.get(key);
    if (proxy === undefined) {
      proxy = listen((socket) => void this.accept(socket, from, canonical(host), port));
      this.proxies.set(key, proxy);
    }
    return portOf(await proxy);
  }

  delay(a: Zone, b: Zone, milliseconds: number): void {
    this.delays.set(pair(a, b), milliseconds);
  }

  block(from: Zone, host: string): () => void {
    const way = `${from} ${canonical(host)}`;
    this.blocked.add(way);
    return () => {
      if (this.blocked.delete(way)) this.linksChanged();
    };
  }

  environment(zone: Zone): Record<string, string> {
    return { NODE_OPTIONS: `--require ${JSON.stringify(SHIM)}`, LAB_NETWORK_URL: `${this.nameServer.url}/${zone}` };
  }

  private linksChanged(): void {
    for (const connection of this.connections.keys()) connection.linkChanged();
  }

  private place(endpoint: Endpoint, port: number): void {
    const key = address(endpoint.host, port);
    const old = this.endpoints.get(key);
    this.endpoints.set(key, endpoint);
    this.hosts.add(endpoint.host);
    if (old !== undefined) this.resetWhere((candidate) => candidate === old);
  }

  private resetWhere(matches: (endpoint: Endpoint) => boolean): void {
    for (const [connection, endpoint] of this.connections) {
      if (endpoint !== undefined && matches(endpoint)) connection.reset();
    }
  }

  /** Name service for processes: unlike `route`, it knows no name that leads nowhere. */
  private async lookup(zone: Zone, host: string, port: number): Promise<number | undefined> {
    const known = this.hosts.has(canonical(host)) || (await this.resolveAlias(canonical(host))) !== undefined;
    return known ? this.route(zone, host, port) : undefined;
  }

  private async find(host: string, port: number): Promise<Endpoint | undefined> {
    const own = this.endpoints.get(address(host, port));
    if (own !== undefined) return own;
    const alias = await this.resolveAlias(host).catch(() => undefined);
    return alias === undefined ? undefined : this.endpoints.get(address(alias, port));
  }

  private async accept(socket: Socket, from: Zone, host: string, port: number): Promise<void> {
    socket.on('error', () => {});
    const endpoint = await this.find(host, port);
    const to = endpoint?.zone ?? from;
    const open = () => this.world.reaches(from, to) && !this.blocked.has(`${from} ${host}`);
    const link = { open, delayMs: () => this.delays.get(pair(from, to)) ?? 0 };
    const connection = new Connection(socket, link, () => this.connections.delete(connection));
    this.connections.set(connection, endpoint);
    // The handshake takes a round trip; what was sent meanwhile waits in the client's socket.
    const handshakeMs = 2 * link.delayMs();
    if (handshakeMs > 0 && link.open()) await setTimeout(handshakeMs);
    if (this.stopped) connection.destroy();
    else if (!link.open()) connection.hang();
    else if (endpoint?.port === undefined) connection.reset();
    else connection.join(endpoint.port);
  }
}

const canonical = (host: string): string => host.toLowerCase().replace(/\.$/, '');
const address = (host: string, port: number): string => `${canonical(host)}:${port}`;
const pair = (a: Zone, b: Zone): string => [a, b].sort().join('|');
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function listen(onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, onConnection);
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
