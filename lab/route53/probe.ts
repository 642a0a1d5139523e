import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { HealthCheckConfig } from '@aws-sdk/client-route-53';

/** How one probe went, in the words of a health check's status report. */
export interface Observation {
  healthy: boolean;
  status: string;
}

export interface ProbeTimeouts {
  connectMs: number;
  answerMs: number;
}

/** Route 53's own: to connect within four seconds, and then to answer within two. */
export const ROUTE53_TIMEOUTS: ProbeTimeouts = { connectMs: 4000, answerMs: 2000 };

const SEARCHED_BYTES = 5120;
const NO_CONNECTION = 'Failure: The health checker could not establish a connection within the timeout limit.';
const NO_ANSWER = 'Failure: The endpoint did not respond within the timeout limit.';

/** The port that a check's endpoint listens on. */
export function portOf({ Port, Type }: HealthCheckConfig): number {
  return Port ?? (Type?.startsWith('HTTPS') ? 443 : 80);
}

/** One probe of the endpoint behind a loopback port. TLS is not modelled: an HTTPS check speaks plain HTTP to the endpoint's port. */
export function probe(config: HealthCheckConfig, port: number, timeouts: ProbeTimeouts, signal: AbortSignal): Promise<Observation> {
  const outcome = config.Type === 'TCP' ? probeTcp(port, timeouts, signal) : probeHttp(config, port, timeouts, signal);
  return outcome.catch((error: Error) => ({ healthy: false, status: error.message.startsWith('Failure') ? error.message : NO_CONNECTION }));
}

function probeTcp(port: number, { connectMs }: ProbeTimeouts, signal: AbortSignal): Promise<Observation> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    const timer = setTimeout(() => socket.destroy(new Error(NO_CONNECTION)), connectMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', reject);
    socket.once('connect', () => {
      resolve({ healthy: true, status: 'Success: TCP connection established' });
      socket.destroy();
    });
  });
}

function probeHttp(config: HealthCheckConfig, port: number, timeouts: ProbeTimeouts, signal: AbortSignal): Promise<Observation> {
  return new Promise((resolve, reject) => {
    const path = config.ResourcePath || '/';
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      headers: headers(config),
      agent: false,
      signal,
    });
    let timer = setTimeout(() => outgoing.destroy(new Error(NO_CONNECTION)), timeouts.connectMs);
    outgoing.once('socket', (socket: Socket) => {
      socket.once('connect', () => {
        clearTimeout(timer);
        timer = setTimeout(() => outgoing.destroy(new Error(NO_ANSWER)), timeouts.answerMs);
      });
    });
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      judge(config, response)
        .then(resolve, reject)
        .finally(() => outgoing.destroy());
    });
    outgoing.end();
  });
}

function headers({ FullyQualifiedDomainName, IPAddress, Port }: HealthCheckConfig): Record<string, string> {
  const host = FullyQualifiedDomainName ?? IPAddress ?? '';
  const suffix = Port === undefined || Port === 80 || Port === 443 ? '' : `:${Port}`;
  return { host: `${host}${suffix}`, 'user-agent': 'Amazon-Route53-Health-Check-Service', connection: 'close' };
}

async function judge(config: HealthCheckConfig, response: IncomingMessage): Promise<Observation> {
  const code = `HTTP Status Code ${response.statusCode}, ${response.statusMessage}`;
  if (response.statusCode! < 200 || response.statusCode! >= 400) return { healthy: false, status: `Failure: ${code}` };
  if (config.SearchString !== undefined && !(await firstBytes(response)).includes(config.SearchString)) {
    return { healthy: false, status: `Failure: ${code}. The search string was not found in the response.` };
  }
  return { healthy: true, status: `Success: ${code}` };
}

async function firstBytes(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response) {
    text += (part as Buffer).toString('utf8');
    if (text.length >= SEARCHED_BYTES) break;
  }
  return text.slice(0, SEARCHED_BYTES);
}
