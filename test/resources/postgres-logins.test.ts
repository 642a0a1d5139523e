import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { giveLoginsBack, takeLogins } from '../../lambdas/resources/postgres-logins.ts';
import { fenceRoles } from '../../lambdas/resources/postgres-writer.ts';
import { WorkloadDatabase } from './database.ts';

const ROLES = ['orders_app', 'orders_batch', 'not_there'];
let database: WorkloadDatabase;
let master: pg.Client;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
  await master.query(`CREATE ROLE orders_batch NOLOGIN CONNECTION LIMIT 3 VALID UNTIL '2100-01-01'`);
  await master.query(`ALTER ROLE orders_app CONNECTION LIMIT 7; ALTER ROLE orders_app SET statement_timeout = '9s'`);
}, 60_000);
afterAll(() => database.stop(), 30_000);
beforeEach(() => master.query('DROP TABLE IF EXISTS lifeboat.taken_login; ALTER ROLE orders_app LOGIN; ALTER ROLE orders_batch NOLOGIN'));

/** Everything that is known of the two roles. */
const attributes = async (client = master): Promise<unknown[]> =>
  (await client.query(`SELECT *, rolvaliduntil::text AS until FROM pg_roles WHERE rolname ~ '^orders_' ORDER BY rolname`)).rows;
const canLogIn = async (client = master): Promise<string[]> =>
  (await client.query(`SELECT rolname FROM pg_roles WHERE rolname ~ '^orders_' AND rolcanlogin ORDER BY rolname`)).rows.map(
    ({ rolname }) => rolname,
  );

describe('the logins of the workload', () => {
  it('come back exactly as they were, whatever else the environment names, and nothing else of a role is touched', async () => {
    const before = await attributes();
    await fenceRoles(master, ROLES, sleep);
    expect(await canLogIn()).toEqual([]);
    await giveLoginsBack(master, ROLES);
    expect(await attributes()).toEqual(before);
  });

  it('are remembered by a fence that is done twice', async () => {
    await fenceRoles(master, ROLES, sleep);
    await fenceRoles(master, ROLES, sleep);
    await giveLoginsBack(master, ROLES);
    expect(await canLogIn()).toEqual(['orders_app']);
  });

  it('stay taken where a person took them while nothing was fenced', async () => {
    await fenceRoles(master, ROLES, sleep);
    await giveLoginsBack(master, ROLES);
    await master.query('ALTER ROLE orders_app NOLOGIN');
    await giveLoginsBack(master, ROLES);
    expect(await canLogIn()).toEqual([]);
  });

  it('stay taken where the environment names the role no more', async () => {
    await takeLogins(master, ROLES);
    await giveLoginsBack(master, ['orders_batch']);
    expect(await canLogIn()).toEqual([]);
  });

  it('are given back to nobody on a database that was never fenced', async () => {
    await giveLoginsBack(master, ROLES);
    expect(await canLogIn()).toEqual(['orders_app']);
  });

  it('are taken by several sessions at once, the first time too', async () => {
    const others = await Promise.all([database.master(), database.master(), database.master()]);
    await Promise.all(others.map((client) => takeLogins(client, ROLES)));
    expect(await canLogIn()).toEqual([]);
    await giveLoginsBack(master, ROLES);
    expect(await canLogIn()).toEqual(['orders_app']);
  });

  it('come back on a standby that was promoted: the memory replicates with the fence', async () => {
    await fenceRoles(master, ROLES, sleep);
    const standby = await database.standby();
    await database.promote(standby);
    const there = await database.master(standby);
    expect(await canLogIn(there)).toEqual([]);
    await giveLoginsBack(there, ROLES);
    expect(await canLogIn(there)).toEqual(['orders_app']);
  });
});

it('a fence is not proven while a login was given back meanwhile', async () => {
  const reopen = () => master.query('ALTER ROLE orders_app LOGIN');
  await expect(fenceRoles(master, ROLES, sleep, reopen)).rejects.toThrow(/^orders_app can still log in/);
});

it('a role that Lifeboat may not change is named, and everything else is closed all the same', async () => {
  await (await database.superuser()).query('CREATE ROLE orders_root LOGIN SUPERUSER');
  const closeWrites = vi.fn(async () => undefined);
  await expect(fenceRoles(master, [...ROLES, 'orders_root'], sleep, closeWrites)).rejects.toThrow(/^orders_root can still log in/);
  expect(closeWrites).toHaveBeenCalledOnce();
  expect(await canLogIn()).toEqual(['orders_root']);
  await (await database.superuser()).query('DROP ROLE orders_root');
});
