import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LabNetwork } from '../../../lab/network/network.ts';
import { World } from '../../../lab/world.ts';

const CALLER = fileURLToPath(new URL('./caller.mjs', import.meta.url));
const world = new World(['us-east-1', 'us-west-2', 'eu-west-1']);
const network = new LabNetwork({ world });
const web = createServer((request, response) => response.end(`${request.headers.host}${request.url}`));
const database = createTcpServer(speakPostgres);
let results: Record<string, { value?: unknown; error?: string; hostname?: string }>;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Just enough of PostgreSQL for a client to log in, ask once and leave. */
function speakPostgres(socket: Socket): void {
  const message = (type: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    return Buffer.concat([Buffer.from(type), length, body]);
  };
  const ready = message('Z', Buffer.from('I'));
  socket.on('error', () => {});
  socket.once('data', () => {
    socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
    socket.on('data', (data) => {
      if (data.toString('latin1', 0, 1) === 'Q') socket.write(Buffer.concat([message('C', Buffer.from('SELECT 1\0')), ready]));
    });
  });
}

beforeAll(async () => {
  await network.start();
  const webPort = await listen(web);
  network.publish('api.example', 80, 'us-west-2', webPort);
  network.publish('api.example', 443, 'us-west-2', webPort);
  network.publish('gone.example', 80, 'us-west-2', webPort);
  network.withdraw('gone.example', 80);
  network.publish('db.example', 5432, 'us-west-2', await listen(database));
  network.publish('dark.example', 80, 'eu-west-1', webPort);
  network.publish('dark.example', 5432, 'eu-west-1', webPort);
  await world.blackout('eu-west-1');
  const env = { PATH: process.env.PATH, LOOPBACK: `http://127.0.0.1:${webPort}/x`, ...network.environment('us-east-1') };
  const { stdout } = await promisify(execFile)(process.execPath, [CALLER], { env, timeout: 15_000 });
  results = JSON.parse(stdout) as typeof results;
}, 20_000);

afterAll(async () => {
  await network.stop();
  web.closeAllConnections();
  web.close();
  database.close();
});

test.each([
  ['fetch', 'api.example/x'],
  ['fetch https', 'api.example/x'],
  ['http', 'api.example/x'],
  ['https', 'api.example/x'],
  ['pg', 'SELECT'],
  ['net', { connecting: true, pendingAfter: false, status: 'HTTP/1.1 200 OK' }],
  ['tls', { authorized: true, encrypted: true }],
  ['destroyed', ['close']],
  ['timeout', 'timeout'],
])('%s goes through the network', (name, value) => {
  expect(results[name]).toEqual({ value });
});

test('loopback is left alone', () => {
  expect(results['fetch loopback']?.value).toMatch(/^127\.0\.0\.1:\d+\/x$/);
});

test.each(['fetch unknown', 'http unknown', 'pg unknown'])('%s fails as an unknown name does', (name) => {
  expect(results[name]).toMatchObject({ error: 'ENOTFOUND' });
});

test('a withdrawn name refuses, a dark one answers nothing', () => {
  expect(results['fetch withdrawn']?.error).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  expect(results['fetch dark']?.error).toMatch(/TimeoutError|23/);
  expect(results['pg dark']?.error).toBe('Error');
});
