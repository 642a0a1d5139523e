import { request } from 'node:http';
import type { Drill } from './drill.ts';

const ANSWER_WITHIN_MS = 20_000;

export interface Seen {
  status: number;
  body: string;
}

/** A person, or a program that scans mail, opens a link from the internet; with a form it is sent. TLS is not modelled. */
export async function browse(drill: Drill, link: string, form?: Record<string, string>): Promise<Seen> {
  const { host, hostname, pathname, search } = new URL(link);
  const port = await drill.lab.network.route('internet', hostname, 443);
  const body = form && new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method: form ? 'POST' : 'GET',
      path: `${pathname}${search}`,
      headers: {
        host,
        'user-agent': 'drill',
        ...(body && { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }),
      },
      agent: false,
      signal: AbortSignal.any([drill.parts.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }));
    });
    outgoing.end(body);
  });
}
