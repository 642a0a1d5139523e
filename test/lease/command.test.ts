import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type LeaseOptions, type LeaseVerb, manageLease } from '../../bin/commands/lease.ts';
import demo from '../../environments/demo.ts';
import { renewLease } from '../../lambdas/resources/postgres-lease.ts';
import { leaseOf, MemoryLedger } from '../kit/services.ts';
import { WorkloadDatabase } from '../resources/database.ts';

let database: WorkloadDatabase;
let master: pg.Client;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
}, 60_000);
afterAll(() => database.stop(), 30_000);
afterEach(() => {
  process.exitCode = undefined;
});

/** The command against a real database, with what it printed. */
const lease = async (verb: LeaseVerb, options: LeaseOptions = { database: 'orders' }, holder: 'primary' | 'recovery' = 'primary') => {
  process.exitCode = undefined;
  const printed: { document: unknown; text: string }[] = [];
  await manageLease(
    {
      environment: demo,
      ledger: new MemoryLedger(leaseOf({ holder })) as never,
      regionOf: (site) => demo.sites[site].region,
      print: (document, text) => printed.push({ document, text: text() }),
    },
    verb,
    options,
    (_, __, work) => work(master),
  );
  return { ...printed[0]!, exitCode: process.exitCode };
};

it('installs, shows and removes, in the active site', async () => {
  expect((await lease('status')).text).toMatch(/no database lease; only the guard/);
  const session = await database.master();
  const guard = setInterval(() => void renewLease(session, 3, () => 15_000), 200);
  const installed = await lease('install', undefined, 'recovery').finally(() => clearInterval(guard));
  expect(installed.document).toMatchObject({ workload: 'orders', database: 'orders', site: 'recovery', state: 'installed', epoch: 3 });
  expect(installed.exitCode).toBeUndefined();
  expect(installed.text).toMatch(/epoch 3, may write for 1\d s\n {2}tables {5}3 of 3 covered; new ones by another install/);
  await master.query('CREATE TABLE later (id int)');
  const status = await lease('status');
  expect(status.text).toMatch(/partial[\s\S]*uncovered {2}later: no check/);
  expect(status.exitCode).toBe(1);
  expect((await lease('remove')).document).toMatchObject({ state: 'absent' });
});

it('names the databases that there are', async () => {
  await expect(lease('status', { database: 'nonsense' })).rejects.toThrow(
    "--database nonsense is unknown in environment 'demo'; known: orders/orders",
  );
});
