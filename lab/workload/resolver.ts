import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import packet, { type Answer } from 'dns-packet';

const QUERY_TIMEOUT_MS = 1_000;

/** Resolves names by DNS over UDP and keeps an answer as long as its TTL says, as a public resolver does, and no longer. */
export class Resolver {
  private readonly server: { host: string; port: number };
  private readonly cache = new Map<string, { host: string; until: number }>();
  private readonly asking = new Map<string, Promise<string>>();

  constructor(server: { host: string; port: number }) {
    this.server = server;
  }

  /** The host that a name leads to: the end of its chain of CNAMEs, or the name itself where it has an address. */
  async resolve(name: string): Promise<string> {
    const cached = this.cache.get(name);
    if (cached && cached.until > Date.now()) return cached.host;
    const asking = this.asking.get(name) ?? this.ask(name).finally(() => this.asking.delete(name));
    this.asking.set(name, asking);
    return asking;
  }

  private async ask(name: string): Promise<string> {
    const answers = await this.query(name);
    if (answers.length === 0) throw new Error(`DNS has no answer for ${name}`);
    const host = answers.flatMap((answer) => (answer.type === 'CNAME' ? [answer.data] : [])).at(-1) ?? name;
    const ttlSeconds = Math.min(...answers.map((answer) => ('ttl' in answer ? (answer.ttl ?? 0) : 0)));
    this.cache.set(name, { host, until: Date.now() + ttlSeconds * 1_000 });
    return host;
  }

  private async query(name: string): Promise<Answer[]> {
    const socket = createSocket('udp4');
    const id = Math.floor(Math.random() * 0xffff);
    try {
      socket.send(
        packet.encode({ type: 'query', id, flags: packet.RECURSION_DESIRED, questions: [{ type: 'A', name }] }),
        this.server.port,
        this.server.host,
      );
      const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(QUERY_TIMEOUT_MS) })) as [Buffer];
      const reply = packet.decode(message);
      return reply.id === id ? (reply.answers ?? []) : [];
    } finally {
      socket.close();
    }
  }
}
