import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renewRoles } from '../../lambdas/resources/postgres-roles.ts';
import { WorkloadDatabase } from './database.ts';

let database: WorkloadDatabase;
let master: pg.Client;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
}, 60_000);
afterAll(() => database.stop(), 30_000);

const canLogIn = async (): Promise<string[]> =>
  (await master.query(`SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname !~ '^(rds|pg_)' ORDER BY 1`)).rows.map(
    ({ rolname }) => rolname,
  );
const verifierOf = async (role: string): Promise<string> =>
  (await (await database.superuser()).query('SELECT rolpassword AS verifier FROM pg_authid WHERE rolname = $1', [role])).rows[0].verifier;

it('renews what is known, closes what is not, and names both', async () => {
  await master.query(`CREATE ROLE "night shift" LOGIN PASSWORD 'let-me-in'`);
  const before = await verifierOf('orders_app');
  const own = { username: 'lifeboat_admin', password: 'of-the-clean-room' };
  const result = await renewRoles(master, { own, application: { orders_app: 'of-the-clean-room-too' } });
  expect(result).toMatchObject({ renewed: ['orders_app', 'lifeboat_admin'], closed: ['night shift'] });
  expect(await canLogIn()).toEqual(['lifeboat_admin', 'orders_app', ...result.left].sort());
  expect(await verifierOf('orders_app')).not.toBe(before);
  expect(await verifierOf('night shift')).toBeNull();
  // Again, as after a try that broke off.
  expect((await renewRoles(master, { own, application: { orders_app: 'of-the-clean-room-too' } })).closed).toEqual([]);
});

it.each(['rdsmonitor', 'rds_watch', 'constructor'])('closes %s, which only looks as if it were known', async (name) => {
  await master.query(`CREATE ROLE ${name} LOGIN PASSWORD 'let-me-in'`);
  const { closed } = await renewRoles(master, { own: { username: 'lifeboat_admin', password: 'another' }, application: {} });
  expect(closed).toContain(name);
  expect(await verifierOf(name)).toBeNull();
});

it('says which logins it may not close', async () => {
  await (await database.superuser()).query(`CREATE ROLE backdoor LOGIN SUPERUSER PASSWORD 'of-a-superuser'`);
  const { left } = await renewRoles(master, { own: { username: 'lifeboat_admin', password: 'again-another' }, application: {} });
  expect(left).toContain('backdoor');
});

it('sends no password, and lets in who has it', async () => {
  await master.query('ALTER ROLE orders_app LOGIN');
  const sent: string[] = [];
  const query = (text: string) => {
    sent.push(text);
    return master.query(text);
  };
  const listening = { query } as unknown as pg.ClientBase;
  const own = { username: 'lifeboat_admin', password: 'yet-another-one' };
  await renewRoles(listening, { own, application: { orders_app: "it's $5, (plain)" } });
  expect(sent.join()).not.toMatch(/yet-another-one|plain/);
  const connect = { host: '127.0.0.1', port: database.primary.port, database: 'orders', user: 'orders_app' };
  const right = new pg.Client({ ...connect, password: "it's $5, (plain)" });
  await right.connect();
  await right.end();
  const wrong = new pg.Client({ ...connect, password: 'battery-staple' });
  await expect(wrong.connect()).rejects.toThrow(/password authentication failed/);
});
