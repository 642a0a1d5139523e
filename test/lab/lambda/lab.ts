import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../../lab/engines/engine.ts';
import { servesInvoke } from '../../../lab/lambda/api.ts';
import { LambdaService, type LambdaServiceOptions } from '../../../lab/lambda/service.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import type { AwsCall, Network } from '../../../lab/types.ts';
import { World } from '../../../lab/world.ts';
import { startEngine } from './engine.ts';

export const EAST = 'us-east-1';
export const WEST = 'us-west-2';

/** Everything of the lab that Lambda needs, as small as it gets: one engine for all regions, a gateway of a screen, no name resolution. */
export interface TestLab {
  world: World;
  service: LambdaService;
  /** The gateway's URL. */
  endpoint: string;
  /** The engine's URL. */
  engine: string;
  principals: Map<string, string>;
  /** Calls that reached the gateway, as `principal service`. */
  seen: string[];
  errors: Error[];
  stateDir: string;
  /** What was published in the network, by `host:port`. */
  published: Map<string, { zone: string; port: number }>;
  engineProcess: Engine;
  stop(): Promise<void>;
}

export async function startLab(options: Partial<LambdaServiceOptions> = {}): Promise<TestLab> {
  const project = mkdtempSync(join(tmpdir(), 'lambda-'));
  const supervisor = await Supervisor.start({ project });
  const engine = await startEngine(supervisor);
  const world = new World([EAST, WEST]);
  const principals = new Map<string, string>();
  const seen: string[] = [];
  const errors: Error[] = [];
  const published: TestLab['published'] = new Map();
  const gateway = http.createServer();
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const service = new LambdaService({
    world,
    processes: supervisor,
    network: networkTo(published),
    stateDir: supervisor.folder,
    definitionsEndpoint: () => engine.url,
    gatewayEndpoint: () => endpoint,
    registerPrincipal: (key, name) => principals.set(key, name),
    retryDelaysMs: [20, 40],
    onBackgroundError: (error) => errors.push(error),
    ...options,
  });
  gateway.on('request', (request, response) => {
    serve(request, response).catch(() => response.destroy());
  });

  async function serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const call = await callOf(request, principals);
    seen.push(`${call.principal} ${call.service}`);
    const handler = /\.lambda-url\./.test(call.headers.host ?? '') ? service.handleUrl : service.handle;
    if (handler === service.handle && !servesInvoke(call)) return forward(call, engine.url, response);
    const reply = await handler(call);
    response.writeHead(reply.status, reply.headers).end(reply.body);
  }

  const stop = async () => {
    await service.stop();
    gateway.close();
    gateway.closeAllConnections();
    await supervisor.stop();
    for (const folder of [project, supervisor.folder]) rmSync(folder, { recursive: true, force: true });
  };
  return {
    world,
    service,
    endpoint,
    engine: engine.url,
    principals,
    seen,
    errors,
    stateDir: supervisor.folder,
    published,
    engineProcess: engine,
    stop,
  };
}

function networkTo(published: TestLab['published']): Network {
  return {
    publish: (host, port, zone, targetPort) => published.set(`${host}:${port}`, { zone, port: targetPort }),
    withdraw: (host, port) => published.delete(`${host}:${port}`),
    route: () => Promise.reject(new Error('no network here')),
    delay: () => {},
    block: () => () => {},
    environment: () => ({}),
  };
}

async function callOf(request: http.IncomingMessage, principals: Map<string, string>): Promise<AwsCall> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const [, key = '', region = '', service = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)\/([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const principal = principals.get(key) ?? key;
  const { method = '', url: path = '' } = request;
  return {
    id: 0,
    at: Date.now(),
    source: region,
    region,
    service,
    action: '',
    principal,
    method,
    path,
    headers,
    body: Buffer.concat(chunks),
  };
}

function forward(call: AwsCall, target: string, response: http.ServerResponse): void {
  const { host: _, ...headers } = call.headers;
  const request = http.request(new URL(call.path, target), { method: call.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  request.on('error', () => response.destroy());
  request.end(call.body);
}
