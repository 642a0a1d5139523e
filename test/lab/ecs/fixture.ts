import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ECSClient } from '@aws-sdk/client-ecs';
import { EcsService } from '../../../lab/ecs/ecs-service.ts';
import type { Images } from '../../../lab/ecs/model.ts';
import type { AwsService, Network, Processes } from '../../../lab/types.ts';
import { World } from '../../../lab/world.ts';

/** A task that serves `/health` and says who it is; behaviour by its environment. */
const APP = `
const { PORT, NAME = 'app', IGNORE_TERM, DIE_AFTER_MS, EAT } = process.env;
let healthy = true;
process.on('SIGTERM', () => { if (!IGNORE_TERM) process.exit(0); });
if (DIE_AFTER_MS) setTimeout(() => process.exit(3), Number(DIE_AFTER_MS));
if (EAT) globalThis.eaten = Buffer.alloc(200 * 2 ** 20, 1);
require('node:http').createServer((req, res) => {
  if (req.url === '/break') healthy = false;
  res.writeHead(req.url === '/health' && !healthy ? 500 : 200, { 'x-pid': process.pid });
  res.end(NAME);
}).listen(Number(PORT), '127.0.0.1');
`;

/** Runs tasks as plain children and publishes names into a map. */
export class Bench {
  readonly world = new World(['us-east-1', 'us-west-2']);
  readonly published = new Map<string, number>();
  readonly ecs: EcsService;
  client!: ECSClient;
  private server!: Server;

  constructor(images: Images = { app: (task) => ({ command: process.execPath, args: ['-e', APP], env: { REGION: task.region } }) }) {
    const network: Network = {
      publish: (host, port, _zone, target) => this.published.set(`${host}:${port}`, target),
      withdraw: (host, port) => this.published.delete(`${host}:${port}`),
      route: async (_zone, host, port) => this.published.get(`${host}:${port}`) ?? 0,
      delay: () => {},
      block: () => () => {},
      environment: () => ({}),
    };
    const processes: Processes = {
      spawn: (command, args, options) => spawn(command, args, { env: options.env, cwd: options.cwd, stdio: 'ignore' }),
    };
    const times = { healthIntervalMs: 50, backoffMs: 100, stopTimeoutMs: 300 };
    this.ecs = new EcsService({ world: this.world, processes, network, stateDir: '/tmp', images, times });
  }

  async start(): Promise<this> {
    this.server = createServer((request, response) => serve(this.ecs.handle, request, response)).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const endpoint = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    this.client = new ECSClient({ region: 'us-east-1', endpoint, credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' } });
    return this;
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await this.ecs.stop();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** A request through the load balancer. */
  async get(path: string, name = 'orders.us-east-1.elb.amazonaws.com:80'): Promise<{ status: number; body: string; pid: string }> {
    const answer = await fetch(`http://127.0.0.1:${this.published.get(name)}${path}`, { signal: AbortSignal.timeout(5_000) });
    return { status: answer.status, body: await answer.text(), pid: answer.headers.get('x-pid') ?? '' };
  }
}

async function serve(handle: AwsService, request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const scope = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '');
  const action = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
  const reply = await handle({
    id: 1,
    at: Date.now(),
    source: 'internet',
    region: scope?.[1] ?? '',
    service: 'ecs',
    action,
    principal: 'test',
    method: 'POST',
    path: '/',
    headers: {},
    body: Buffer.concat(chunks),
  });
  response.writeHead(reply.status, reply.headers);
  response.end(reply.body);
}

/** Ask until the answer satisfies; bounded. */
export async function until<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean, boundMs = 8_000): Promise<T> {
  const deadline = Date.now() + boundMs;
  for (;;) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${boundMs} ms; last: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
