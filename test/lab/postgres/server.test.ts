import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseBackup } from '../../../lab/postgres/base-backup.ts';
import { locateBinaries } from '../../../lab/postgres/binaries.ts';
import { type Installation, PostgresServer } from '../../../lab/postgres/server.ts';
import { dropSlotsExcept, follow, isStandby, isStreaming, promote } from '../../../lab/postgres/standby.ts';
import { serverUser, traversable } from '../../../lab/postgres/user.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';

let supervisor: Supervisor;
let installation: Installation;
let primary: PostgresServer;
const servers: PostgresServer[] = [];

function server(name: string): PostgresServer {
  const made = new PostgresServer(name, path.join(supervisor.folder, name), installation);
  servers.push(made);
  return made;
}

async function standbyOf(source: PostgresServer, name: string): Promise<PostgresServer> {
  const from = { port: source.port, password: installation.password };
  const tar = path.join(supervisor.folder, `${name}.tar`);
  await baseBackup(from, tar, { slot: name });
  const standby = server(name);
  await standby.unpack(tar);
  await follow(standby, from, name);
  await standby.start();
  return standby;
}

async function until(check: () => Promise<boolean>, timeoutMs = 45_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const rows = async (of: PostgresServer) => (await of.query('select count(*)::int as rows from item'))[0]?.rows;

beforeAll(async () => {
  supervisor = await Supervisor.start({ project: `postgres-test-${randomUUID()}` });
  const user = serverUser();
  installation = { processes: supervisor, user, password: 'secret', binaries: locateBinaries(supervisor.folder, user) };
  primary = server('primary');
  await primary.initialize();
  await primary.start();
  await primary.createReplicator();
  await primary.query('create table item (id int primary key, filler text)');
});

afterAll(async () => {
  await Promise.all(servers.map((one) => one.terminate()));
  await supervisor.stop();
  rmSync(path.dirname(supervisor.folder), { recursive: true });
});

test('a standby is ready when it takes read-only connections, and follows', async () => {
  const standby = await standbyOf(primary, 'follower');
  expect(await isStandby(standby)).toBe(true);
  await primary.query('insert into item values (1)');
  await until(async () => (await rows(standby)) === 1);
  expect(await isStreaming(standby)).toBe(true);
});

test('a base backup under a bulk load misses no WAL, since its slot comes first', async () => {
  await primary.query('alter system set wal_keep_size = 0');
  await primary.query("alter system set max_wal_size = '2MB'");
  await primary.query('select pg_reload_conf()');
  let loading = true;
  const load = (async () => {
    for (let i = 100; loading; i += 2000) {
      await primary.query("insert into item select g, repeat('x', 300) from generate_series($1::int, $1::int + 1999) g", [i]);
      await primary.query('checkpoint');
    }
  })();
  const standby = await standbyOf(primary, 'loaded');
  loading = false;
  await load;
  const wanted = await rows(primary);
  await until(async () => (await rows(standby)) === wanted);
});

test('a standby that is led to another cluster does not follow it', async () => {
  const other = server('other');
  await other.initialize();
  await other.start();
  await other.createReplicator();
  const standby = servers.find((one) => one.name === 'loaded')!;
  await standby.stop();
  await follow(standby, { port: other.port, password: installation.password }, 'loaded');
  await standby.start();
  const log = path.join(standby.directory, 'server.log');
  await until(async () => readFileSync(log, 'utf8').includes('database system identifier differs between the primary and standby'));
  expect(await isStreaming(standby)).toBe(false);
});

test('promoted, it writes on a timeline of its own, and forgets that it was a standby', async () => {
  const standby = servers.find((one) => one.name === 'follower')!;
  await promote(standby);
  await standby.query('insert into item values (-1)');
  await standby.stop();
  await standby.start();
  expect(await isStandby(standby)).toBe(false);
  expect((await standby.query("select current_setting('primary_conninfo') as source"))[0]?.source).toBe('');
  await dropSlotsExcept(primary, ['loaded']);
  expect(await primary.query('select slot_name from pg_replication_slots')).toEqual([{ slot_name: 'loaded' }]);
  // A second promotion of the same server is no harm.
  await promote(standby);
});

test('a crash takes every process; the next start recovers, on another port where its own is taken', async () => {
  const before = await rows(primary);
  const pid = primary.pid;
  await primary.crash();
  expect(primary.pid).toBeUndefined();
  const squatter = createServer().listen(primary.port, '127.0.0.1');
  await new Promise((resolve) => squatter.once('listening', resolve));
  const { port } = primary;
  await primary.start();
  squatter.close();
  expect(primary.port).not.toBe(port);
  expect(primary.pid).not.toBe(pid);
  expect(await rows(primary)).toBe(before);
});

test('a start that cannot succeed says why', async () => {
  const broken = server('broken');
  await broken.initialize();
  writeFileSync(path.join(broken.dataDirectory, 'postgresql.conf'), 'no_such_setting = 1\n');
  await expect(broken.start()).rejects.toThrow(/unrecognized configuration parameter "no_such_setting"/);
});

test('only folders that the servers’ user can enter will do', () => {
  const closed = path.join(supervisor.folder, 'closed');
  mkdirSync(path.join(closed, 'inside'), { recursive: true });
  chmodSync(closed, 0o700);
  expect(traversable(path.join(closed, 'inside'), { uid: 4242, gid: 4242 })).toBe(false);
  chmodSync(closed, 0o755);
  expect(traversable(path.join(closed, 'inside'), { uid: 4242, gid: 4242 })).toBe(true);
});

test('binaries whose install script did not run are used from a completed copy', () => {
  const installed = path.join(supervisor.folder, 'package', 'native');
  mkdirSync(path.join(installed, 'bin'), { recursive: true });
  mkdirSync(path.join(installed, 'lib'));
  writeFileSync(path.join(installed, '..', 'package.json'), '{"version": "1.0.0"}');
  writeFileSync(path.join(installed, 'lib', 'libx.so.1.2'), '');
  writeFileSync(path.join(installed, 'pg-symlinks.json'), '[{"source": "native/lib/libx.so.1.2", "target": "native/lib/libx.so"}]');
  const found = locateBinaries(supervisor.folder, installation.user, installed);
  expect(found.postgres).toBe(path.join(supervisor.folder, 'postgresql-1.0.0', 'bin', 'postgres'));
  expect(existsSync(path.join(supervisor.folder, 'postgresql-1.0.0', 'lib', 'libx.so'))).toBe(true);
  expect(existsSync(path.join(installed, 'lib', 'libx.so'))).toBe(false);
});
