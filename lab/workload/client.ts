import { openSync, writeSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { Attempt } from './attempt.ts';
import { Resolver } from './resolver.ts';

/**
 * A client: writes orders at a steady rate, through the workload's public name or, inside a region, to a load balancer by its own name,
 * and keeps what became of each, in a file, before it counts. It never sends an order twice: an order is acknowledged or it is not.
 */
const settings = JSON.parse(process.env.CLIENT_SETTINGS ?? '{}') as {
  name: string;
  target: string;
  port: number;
  /** Nothing for a name that needs no resolving. */
  dnsPort?: number;
  ratePerSecond: number;
  concurrency: number;
  timeoutMs: number;
  ledger: string;
};
const TICK_MS = 5;

const ledger = openSync(settings.ledger, 'a');
const resolver = settings.dnsPort === undefined ? undefined : new Resolver({ host: '127.0.0.1', port: settings.dnsPort });
const agent = new Agent({ keepAlive: true, maxSockets: settings.concurrency });
const startedAt = performance.now();
let due = 0;
let sent = 0;
let inFlight = 0;
let stopping = false;

function record(attempt: Attempt): void {
  const line = `${JSON.stringify(attempt)}\n`;
  writeSync(ledger, line);
  process.stdout.write(line);
}

async function writeOrder(): Promise<void> {
  sent += 1;
  inFlight += 1;
  const id = `${settings.name}-${sent}`;
  const sentAt = Date.now();
  const outcome = await post(id).catch((error: Error) => ({ status: 0, site: undefined, error: error.message }));
  inFlight -= 1;
  record({ id, sentAt, answeredAt: Date.now(), ...outcome, acknowledged: outcome.status === 201 });
  if (stopping && inFlight === 0) process.exit(0);
}

async function post(id: string): Promise<{ status: number; site?: string }> {
  const host = (await resolver?.resolve(settings.target)) ?? settings.target;
  const body = JSON.stringify({ id, amount: 1_00 + (sent % 9_000), client: settings.name });
  return new Promise((resolve, reject) => {
    const headers = { host: settings.target, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(settings.timeoutMs);
    const outgoing = request({ host, port: settings.port, path: '/orders', method: 'POST', headers, agent, signal }, (answer) => {
      answer.resume();
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, site: header(answer.headers['x-site']) }));
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

const header = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

// What cannot be sent because too many are under way is not sent later: the rate stays the rate.
const ticker = setInterval(() => {
  const before = due;
  due = Math.floor(((performance.now() - startedAt) * settings.ratePerSecond) / 1_000);
  for (let order = before; order < due && inFlight < settings.concurrency; order += 1) void writeOrder();
}, TICK_MS);

process.once('SIGTERM', () => {
  stopping = true;
  clearInterval(ticker);
  if (inFlight === 0) process.exit(0);
});
// Without the lab nobody reads: end.
process.stdout.on('error', () => process.exit(1));
