import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LabNetwork } from '../../../lab/network/network.ts';
import { World } from '../../../lab/world.ts';
import { Client, Echo, pause, until } from './tools.ts';

const HOST = 'db.us-east-1.rds.example';
let world: World;
let network: LabNetwork;
let echo: Echo;
let other: Echo;
let clients: Client[];

beforeEach(async () => {
  world = new World(['us-east-1', 'us-west-2']);
  network = new LabNetwork({ world });
  echo = new Echo('a');
  other = new Echo('b');
  clients = [];
  await network.start();
  network.publish(HOST, 5432, 'us-east-1', await echo.start());
});

afterEach(async () => {
  for (const client of clients) client.socket.destroy();
  echo.stop();
  other.stop();
  await network.stop();
});

async function dial(from: string, host = HOST, port = 5432): Promise<Client> {
  const client = new Client(await network.route(from, host, port));
  clients.push(client);
  await Promise.race([once(client.socket, 'connect'), once(client.socket, 'close')]).catch(() => {});
  return client;
}

test('carries bytes both ways and a half-close', async () => {
  const client = await dial('us-west-2');
  expect(await client.ask('hello')).toBe('a:hello');
  client.socket.end();
  await until(() => client.closed === 'end');
  await until(() => echo.sockets.every((socket) => socket.destroyed));
});

test('carries 20 MB unharmed, also with a delay', async () => {
  network.delay('us-west-2', 'us-east-1', 5);
  const client = await dial('us-west-2');
  const megabyte = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 20; i++) client.socket.write(megabyte);
  await until(() => client.bytes >= 20 << 20);
});

test('a cut link keeps connections up and delivers nothing; one that lost bytes is reset on heal, an idle one goes on', async () => {
  const [busy, idle, near] = [await dial('us-west-2'), await dial('us-west-2'), await dial('us-east-1')];
  for (const client of [busy, idle, near]) expect(await client.ask('1')).toBe('a:1');
  world.cut('us-west-2', 'us-east-1');
  busy.socket.write('lost');
  expect(await near.ask('2')).toBe('a:2');
  await pause(50);
  expect(echo.received).not.toContain('lost');
  expect(busy.closed).toBeUndefined();
  world.heal('us-west-2', 'us-east-1');
  await until(() => busy.closed === 'ECONNRESET');
  expect(await idle.ask('3')).toBe('a:3');
});

test('a new connection over a cut link hangs and is reset on heal, what it sent is never delivered', async () => {
  world.cut('us-west-2', 'us-east-1');
  const client = await dial('us-west-2');
  client.socket.write('late');
  await pause(50);
  expect(client.closed).toBeUndefined();
  world.heal('us-west-2', 'us-east-1');
  await until(() => client.closed === 'ECONNRESET');
  expect(echo.received).not.toContain('late');
});

test('what a dying region sent and its end are not seen outside', async () => {
  const client = await dial('internet');
  await client.ask('1');
  await world.blackout('us-east-1');
  for (const socket of echo.sockets) {
    socket.write('last words');
    socket.destroy();
  }
  await pause(50);
  expect(client.text).toBe('a:1');
  expect(client.closed).toBeUndefined();
  await world.restore('us-east-1');
  await until(() => client.closed === 'ECONNRESET');
});

test('callers inside a dark region reach nothing', async () => {
  network.publish('api.example', 80, 'us-west-2', await other.start());
  await world.blackout('us-east-1');
  const client = await dial('us-east-1', 'api.example', 80);
  client.socket.write('x');
  await pause(50);
  expect(other.received).toEqual([]);
  expect(client.closed).toBeUndefined();
});

test('a withdrawn or unknown name refuses, a published one is reached through the port that was routed before', async () => {
  const established = await dial('us-west-2');
  await established.ask('1');
  network.withdraw(HOST, 5432);
  await until(() => established.closed === 'ECONNRESET');
  const refused = await dial('us-west-2');
  await until(() => refused.closed === 'ECONNRESET');
  const unknown = await dial('us-west-2', 'later.example', 1);
  await until(() => unknown.closed === 'ECONNRESET');
  network.publish('later.example', 1, 'us-east-1', await other.start());
  expect(await (await dial('us-west-2', 'LATER.example.', 1)).ask('x')).toBe('b:x');
});

test('publishing again moves the name and resets old connections; reset(host) only resets', async () => {
  const first = await dial('us-west-2');
  await first.ask('1');
  network.publish(HOST, 5432, 'us-west-2', await other.start());
  await until(() => first.closed === 'ECONNRESET');
  const second = await dial('us-west-2');
  expect(await second.ask('2')).toBe('b:2');
  network.reset(HOST);
  await until(() => second.closed === 'ECONNRESET');
  expect(await (await dial('us-west-2')).ask('3')).toBe('b:3');
});

test('a delay costs a round trip for the handshake and one for the question', async () => {
  network.delay('us-west-2', 'us-east-1', 40);
  const client = await dial('us-west-2');
  const start = performance.now();
  await client.ask('1');
  expect(performance.now() - start).toBeGreaterThanOrEqual(155);
  const warm = performance.now();
  await client.ask('2');
  expect(performance.now() - warm).toBeGreaterThanOrEqual(78);
});

test('what is in flight when the link is cut is lost', async () => {
  network.delay('us-west-2', 'us-east-1', 60);
  const client = await dial('us-west-2');
  await client.ask('1');
  client.socket.write('in flight');
  await pause(10);
  world.cut('us-west-2', 'us-east-1');
  await pause(100);
  expect(echo.received).toEqual(['1']);
  world.heal('us-west-2', 'us-east-1');
  await until(() => client.closed === 'ECONNRESET');
});

test('an alias is followed anew for each connection', async () => {
  network.publish('west.example', 5432, 'us-west-2', await other.start());
  let target = HOST;
  network.resolveAlias = async (host) => (host === 'orders.example' ? target : undefined);
  expect(await (await dial('internet', 'orders.example')).ask('1')).toBe('a:1');
  target = 'west.example';
  expect(await (await dial('internet', 'orders.example')).ask('2')).toBe('b:2');
});

test('a blocked host is silence for one zone, also for connections that stand; opened again, what lost bytes is reset', async () => {
  const [near, far] = [await dial('us-east-1'), await dial('us-west-2')];
  for (const client of [near, far]) expect(await client.ask('1')).toBe('a:1');
  const open = network.block('us-east-1', HOST.toUpperCase());
  near.socket.write('lost');
  const late = await dial('us-east-1');
  late.socket.write('lost, too');
  expect(await far.ask('2')).toBe('a:2');
  await pause(50);
  expect([near.closed, late.closed, echo.received]).toEqual([undefined, undefined, ['1', '1', '2']]);
  open();
  await until(() => near.closed === 'ECONNRESET' && late.closed === 'ECONNRESET');
  expect(await (await dial('us-east-1')).ask('3')).toBe('a:3');
});
