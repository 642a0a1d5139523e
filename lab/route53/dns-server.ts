import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { AUTHORITATIVE_ANSWER, type DecodedPacket, type Answer as DnsAnswer, decode, encode, type SoaData } from 'dns-packet';
import type { Stoppable } from '../types.ts';
import type { Answer, Resolution } from './answer.ts';
import { canonicalName } from './change-batch.ts';

const RCODES = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5 } as const;

/** Answers DNS questions on a UDP port of loopback. */
export class DnsServer implements Stoppable {
  private readonly socket = createSocket('udp4');
  private readonly resolve: (name: string, type: string) => Resolution;

  constructor(resolve: (name: string, type: string) => Resolution) {
    this.resolve = resolve;
    this.socket.on('message', (message, from) => this.answer(message, from));
    this.socket.on('error', () => {});
  }

  async start(): Promise<void> {
    this.socket.bind(0, '127.0.0.1');
    await once(this.socket, 'listening');
  }

  get port(): number {
    return this.socket.address().port;
  }

  async stop(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }

  private answer(message: Buffer, from: RemoteInfo): void {
    const query = parse(message);
    const question = query?.questions?.[0];
    if (query === undefined || question === undefined) return;
    const { rcode, answers } = this.resolve(canonicalName(question.name), question.type);
    const reply = encode({
      type: 'response',
      id: query.id,
      flags: AUTHORITATIVE_ANSWER | RCODES[rcode],
      questions: [question],
      answers: answers.map(toDns).filter((answer) => answer !== undefined),
    });
    this.socket.send(reply, from.port, from.address);
  }
}

function parse(message: Buffer): DecodedPacket | undefined {
  try {
    return decode(message);
  } catch {
    return undefined; // Not DNS: a name server stays silent.
  }
}

function toDns({ name: absolute, type, ttlSeconds: ttl, value }: Answer): DnsAnswer | undefined {
  const name = absolute.replace(/\.$/, '');
  const target = value.replace(/\.$/, '');
  switch (type) {
    case 'A':
    case 'AAAA':
      return { name, type, ttl, data: value };
    case 'CNAME':
    case 'NS':
      return { name, type, ttl, data: target };
    case 'TXT':
      return { name, type, ttl, data: value.replace(/^"|"$/g, '') };
    case 'SOA':
      return { name, type, ttl, data: soa(value) };
    default:
      return undefined;
  }
}

function soa(value: string): SoaData {
  const [mname = '', rname = '', ...numbers] = value.split(' ');
  const [serial, refresh, retry, expire, minimum] = numbers.map(Number);
  return { mname: mname.replace(/\.$/, ''), rname: rname.replace(/\.$/, ''), serial, refresh, retry, expire, minimum };
}
