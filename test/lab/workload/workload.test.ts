import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packet from 'dns-packet';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bounded } from '../../../lab/workload/bounded.ts';
import { bundleWorkload, type WorkloadPrograms } from '../../../lab/workload/bundle.ts';
import { Resolver } from '../../../lab/workload/resolver.ts';
import { until } from '../ecs/fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'workload-'));
const stops: (() => unknown)[] = [];
let programs: WorkloadPrograms;
beforeAll(async () => {
  programs = await bundleWorkload(folder);
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the resolver', () => {
  /** A name server that counts the questions and answers with a chain of CNAMEs. */
  async function nameServer(ttl: number, target: () => string) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    stops.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
    const asked: string[] = [];
    socket.on('message', (message, from) => {
      const { id, questions } = packet.decode(message);
      asked.push(questions?.[0]?.name ?? '');
      const answers = target() ? [{ name: 'orders.example.com', type: 'CNAME' as const, ttl, data: target() }] : [];
      socket.send(packet.encode({ type: 'response', id, questions, answers }), from.port, from.address);
    });
    return { asked, resolver: new Resolver({ host: '127.0.0.1', port: socket.address().port }) };
  }

  it('keeps an answer as long as its TTL says', async () => {
    let target = 'one.example.com';
    const { asked, resolver } = await nameServer(1, () => target);
    expect(await Promise.all([1, 2, 3].map(() => resolver.resolve('orders.example.com')))).toEqual(Array(3).fill('one.example.com'));
    target = 'two.example.com';
    expect(await resolver.resolve('orders.example.com')).toBe('one.example.com');
    expect(asked).toHaveLength(1);
    const moved = await until(
      () => resolver.resolve('orders.example.com'),
      (host) => host === 'two.example.com',
      3_000,
    );
    expect(moved).toBe('two.example.com');
  });

  it('asks each time with a TTL of 0, and fails without an answer', async () => {
    let target = 'one.example.com';
    const { asked, resolver } = await nameServer(0, () => target);
    await resolver.resolve('orders.example.com');
    await resolver.resolve('orders.example.com');
    expect(asked).toHaveLength(2);
    target = '';
    await expect(resolver.resolve('orders.example.com')).rejects.toThrow('no answer');
  });
});

describe('the orders service without its database', () => {
  /** A database that takes connections and never says a word, as one behind a cut link. */
  async function start(): Promise<{ url: string; child: ChildProcess }> {
    const dumb = createServer(() => {}).listen(0, '127.0.0.1');
    await once(dumb, 'listening');
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const env = {
      PORT: String(port),
      AWS_REGION: 'us-east-1',
      DATABASE_HOST: '127.0.0.1',
      DATABASE_PORT: String((dumb.address() as AddressInfo).port),
    };
    const child = spawn(process.execPath, [programs.ordersService], { env, stdio: 'ignore' });
    stops.push(
      () => void child.kill('SIGKILL'),
      () => void dumb.close(),
    );
    const url = `http://127.0.0.1:${port}`;
    await until(
      () =>
        fetch(`${url}/none`).then(
          (answer) => answer.status,
          () => 0,
        ),
      (status) => status === 404,
    );
    return { url, child };
  }

  it('says so within seconds, keeps answering, and finishes what is in flight before it ends', async () => {
    const { url, child } = await start();
    const post = (path: string, body: string) => fetch(`${url}${path}`, { method: 'POST', body, signal: AbortSignal.timeout(6_000) });
    expect((await post('/orders', '{"id":"x"}')).status).toBe(400);
    const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(6_000) });
    expect([health.status, health.headers.get('x-site')]).toEqual([503, 'us-east-1']);
    const order = post('/orders', '{"id":"a","amount":5,"client":"c"}');
    const exited = once(child, 'exit');
    await post('/orders', 'not JSON'); // Answered behind the order: that is in flight now.
    child.kill('SIGTERM');
    expect((await order).status).toBe(503);
    expect(await exited).toEqual([0, null]);
  });
});

describe('a bounded wait', () => {
  const never = () => new Promise<never>(() => {});
  it('ends by its bound, or by the other signal', async () => {
    await expect(bounded(10, undefined, never)).rejects.toThrow('not within 10 ms');
    const other = new AbortController();
    const waiting = bounded(5_000, other.signal, never);
    other.abort(new Error('interrupted'));
    await expect(waiting).rejects.toThrow('interrupted');
    await expect(bounded(5_000, other.signal, never)).rejects.toThrow('interrupted');
  });
});
