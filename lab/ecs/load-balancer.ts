import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EcsTimes } from './model.ts';
import type { Task } from './task.ts';

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * An application load balancer in small: HTTP requests go round robin to the tasks whose health path answers 200. Without one it
 * answers 503, without an answer from the task 502 or 504.
 */
export class LoadBalancer {
  readonly name: string;
  private readonly targets = new Map<Task, { healthy: boolean }>();
  private readonly agent = new Agent({ keepAlive: true });
  private readonly server: Server;
  private readonly times: EcsTimes;
  private readonly changed: () => void;
  private timer?: NodeJS.Timeout;
  private turn = 0;

  constructor(options: { name: string; times: EcsTimes; changed: () => void }) {
    this.name = options.name;
    this.times = options.times;
    this.changed = options.changed;
    this.server = createServer((incoming, answer) => this.forward(incoming, answer));
  }

  async listen(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.timer = setInterval(() => this.checkAll(), this.times.healthIntervalMs);
    return (this.server.address() as AddressInfo).port;
  }

  register(task: Task): void {
    if (this.targets.has(task)) return;
    this.targets.set(task, { healthy: false });
    this.check(task);
  }

  deregister(task: Task): void {
    this.targets.delete(task);
  }

  isHealthy(task: Task): boolean {
    return this.targets.get(task)?.healthy ?? false;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.agent.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private checkAll(): void {
    for (const task of this.targets.keys()) this.check(task);
  }

  private check(task: Task): void {
    const settle = (healthy: boolean) => {
      const target = this.targets.get(task);
      if (!target || target.healthy === healthy) return;
      target.healthy = healthy;
      this.changed();
    };
    const probe = request({ host: '127.0.0.1', port: task.port, path: task.healthPath, timeout: this.times.healthTimeoutMs }, (answer) => {
      answer.resume();
      settle(answer.statusCode === 200);
    });
    probe.on('timeout', () => probe.destroy(new Error('health check timed out')));
    probe.on('error', () => settle(false));
    probe.end();
  }

  private forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const healthy = [...this.targets].filter(([, target]) => target.healthy).map(([task]) => task);
    const task = healthy[this.turn++ % Math.max(1, healthy.length)];
    if (!task) {
      refuse(incoming, answer, 503);
      return;
    }
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: '127.0.0.1', port: task.port, method, path, headers, agent: this.agent, timeout: REQUEST_TIMEOUT_MS });
    let timedOut = false;
    outgoing.on('timeout', () => {
      timedOut = true;
      outgoing.destroy();
    });
    outgoing.on('error', () => (answer.headersSent ? answer.destroy() : refuse(incoming, answer, timedOut ? 504 : 502)));
    outgoing.on('response', (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    incoming.pipe(outgoing);
  }
}

function refuse(incoming: IncomingMessage, answer: ServerResponse, status: number): void {
  incoming.resume();
  answer.writeHead(status, { 'content-type': 'text/plain', server: 'awselb/2.0' });
  answer.end();
}
