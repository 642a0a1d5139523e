import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { coverTables, LEASE_EXPIRED, leaseStatus, prepareLease, renewLease } from '../../lambdas/resources/postgres-lease.ts';
import { WorkloadDatabase } from './database.ts';

let database: WorkloadDatabase;
let master: pg.Client;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
  await prepareLease(master);
  await renewLease(master, 1, () => 60_000);
  await coverTables(master);
}, 60_000);
afterAll(() => database.stop(), 30_000);

/** Writes without pause until refused; the time of the last acknowledgement, by the process's clock. */
const writeUntilRefused = async (client: pg.Client, from: number): Promise<{ acknowledged: number; lastAt: number; code?: string }> => {
  for (let id = from, lastAt = 0; ; id++) {
    try {
      await client.query('INSERT INTO item (id) VALUES ($1)', [id]);
      lastAt = performance.now();
    } catch (error) {
      return { acknowledged: id - from, lastAt, code: (error as { code?: string }).code };
    }
  }
};

it('writes stop by themselves when the guard dies, within what it last renewed', async () => {
  const ttlMs = 600;
  let deadline = 0;
  const renew = () => {
    deadline = performance.now() + ttlMs;
    return renewLease(master, 2, () => deadline - performance.now());
  };
  expect(await renew()).toBe('renewed');
  const clients = await Promise.all([database.application(), database.application()]);
  const writing = clients.map((client, i) => writeUntilRefused(client, (i + 1) * 1_000_000));
  for (let round = 0; round < 3; round++) {
    await sleep(200);
    expect(await renew()).toBe('renewed');
  }
  // The guard is dead from here on. An acknowledgement may still be on its way when the deadline passes.
  for (const { code, lastAt, acknowledged } of await Promise.all(writing)) {
    expect(code).toBe(LEASE_EXPIRED);
    expect(acknowledged).toBeGreaterThan(10);
    expect(lastAt).toBeLessThan(deadline + 100);
    expect(lastAt).toBeGreaterThan(deadline - ttlMs);
  }
});

it('a promoted standby is closed although the lease that it replicated is live, and opens with its own epoch', async () => {
  await renewLease(master, 3, () => 60_000);
  const standby = await database.standby();
  const there = await database.superuser(standby);
  expect(await leaseStatus(there)).toMatchObject({ state: 'installed', epoch: 3 });
  expect((await leaseStatus(there)).remainingMs).toBeGreaterThan(0);
  // Promoted by somebody who asked nobody, while the lease that it replicated is live.
  await database.promote(standby);
  expect((await leaseStatus(there)).remainingMs).toBe(0);
  const app = await database.application(standby);
  await expect(app.query('INSERT INTO item (id) VALUES (-1)')).rejects.toMatchObject({ code: LEASE_EXPIRED });
  const lifeboat = await database.master(standby);
  expect(await renewLease(lifeboat, 2, () => 60_000)).toBe('refused');
  expect(await renewLease(lifeboat, 4, () => 60_000)).toBe('renewed');
  await app.query('INSERT INTO item (id) VALUES (-1)');
  expect(await renewLease(lifeboat, 4, () => 60_000)).toBe('renewed');
});
