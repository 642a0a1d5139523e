import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  closeLease,
  coverTables,
  installLease,
  LEASE_EXPIRED,
  leaseStatus,
  prepareLease,
  removeLease,
  renewLease,
} from '../../lambdas/resources/postgres-lease.ts';
import { catalogue, WorkloadDatabase } from './database.ts';

const LONG_MS = 60_000;
const SHORT_MS = 150;

let database: WorkloadDatabase;
let master: pg.Client;
let app: pg.Client;
let untouched: unknown;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
  app = await database.application();
  untouched = await catalogue(master);
}, 60_000);
afterAll(() => database.stop(), 30_000);

let epoch = 0;
/** A lease under a new epoch for this long. */
const renewed = (remainingMs: number) => renewLease(master, ++epoch, () => remainingMs);
const expired = async () => {
  await renewed(SHORT_MS);
  await sleep(SHORT_MS + 20);
};
const refusal = { code: LEASE_EXPIRED };
let next = 0;
const insert = (client = app) => client.query('INSERT INTO item (id) VALUES ($1)', [++next]);

beforeEach(async () => {
  await prepareLease(master);
  await renewed(LONG_MS);
  await coverTables(master);
});

describe('an expired lease', () => {
  it.each([
    ['INSERT', 'INSERT INTO item (id) VALUES (-1)'],
    ['UPDATE', "UPDATE item SET note = 'x'"],
    ['an UPDATE of no row', 'UPDATE item SET id = 0 WHERE false'],
    ['DELETE', 'DELETE FROM item'],
    ['TRUNCATE', 'TRUNCATE item'],
    ['an INSERT on conflict', 'INSERT INTO item (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = excluded.note'],
    ['a MERGE', 'MERGE INTO item USING (SELECT 1 AS id) AS new ON item.id = new.id WHEN NOT MATCHED THEN INSERT (id) VALUES (new.id)'],
    ['a WITH that writes', 'WITH gone AS (DELETE FROM item RETURNING id) SELECT count(*) FROM gone'],
    ['COPY', "COPY item (id) FROM PROGRAM 'echo 1'", 'superuser'],
    ['a partitioned table', 'INSERT INTO billing.invoice VALUES (1, 1)'],
    ['a partition', 'INSERT INTO billing.invoice_1 VALUES (1, 1)'],
    ['the owner', 'INSERT INTO item (id) VALUES (-1)', 'master'],
    ['a superuser', 'INSERT INTO item (id) VALUES (-1)', 'superuser'],
  ])('refuses %s, under a SQLSTATE of its own', async (_: string, sql: string, who?: string) => {
    await expired();
    await expect((await database[(who ?? 'application') as 'application' | 'master' | 'superuser']()).query(sql)).rejects.toMatchObject(
      refusal,
    );
  });

  it('lets reads and the heartbeat through', async () => {
    await expired();
    await app.query('SELECT count(*) FROM item');
    await master.query('CREATE TABLE IF NOT EXISTS lifeboat.heartbeat (id int)');
    await master.query('INSERT INTO lifeboat.heartbeat VALUES (1)');
    await master.query('DROP TABLE lifeboat.heartbeat');
  });

  it('opens again with the next renewal, in sessions that were refused too', async () => {
    await expired();
    await expect(insert()).rejects.toMatchObject(refusal);
    await renewed(LONG_MS);
    await insert();
  });
});

describe('a transaction that began in time', () => {
  const lateCommit = async (sql: string, before = 'BEGIN') => {
    await renewed(SHORT_MS);
    await app.query(before);
    await app.query(sql);
    await sleep(SHORT_MS + 20);
    return app.query('COMMIT');
  };

  it.each([
    ['row', 'INSERT INTO item (id) VALUES (-2)'],
    ['row of a partition', 'INSERT INTO billing.invoice VALUES (-2, 1)'],
    ['TRUNCATE', 'TRUNCATE billing.invoice'],
  ])('does not commit a %s late', async (_, sql) => {
    await expect(lateCommit(sql)).rejects.toMatchObject(refusal);
    expect((await app.query('SELECT count(*)::int AS n FROM item WHERE id = -2')).rows[0].n).toBe(0);
  });

  it('is checked although the first change was taken back to a savepoint', async () => {
    const sql = 'SAVEPOINT s; INSERT INTO item (id) VALUES (-3); ROLLBACK TO s; INSERT INTO item (id) VALUES (-4)';
    await expect(lateCommit(sql)).rejects.toMatchObject(refusal);
  });

  it('is not refused for an old snapshot when the lease was renewed meanwhile', async () => {
    await renewed(SHORT_MS);
    await app.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await insert();
    await renewLease(master, epoch, () => LONG_MS);
    await sleep(SHORT_MS + 20);
    await insert();
    await app.query('COMMIT');
  });

  it('may commit late when it only read', async () => {
    await lateCommit('SELECT 1');
  });

  it('leaves no trace of a TRUNCATE in time', async () => {
    await app.query('TRUNCATE billing.invoice');
    expect((await master.query('SELECT * FROM lifeboat.truncation')).rows).toEqual([]);
  });
});

describe('renewal', () => {
  it('refuses an older epoch, and one that was closed; a later one opens', async () => {
    expect(await renewLease(master, epoch - 1, () => LONG_MS)).toBe('refused');
    expect(await closeLease(master, epoch)).toBe('closed');
    await expect(insert()).rejects.toMatchObject(refusal);
    expect(await renewLease(master, epoch, () => LONG_MS)).toBe('refused');
    await expect(insert()).rejects.toMatchObject(refusal);
    expect(await renewed(LONG_MS)).toBe('renewed');
    await insert();
    expect(await closeLease(master, epoch - 1)).toBe('later epoch');
    await insert();
  });

  it('never brings the deadline of an epoch forward again, whichever of two guards asked last', async () => {
    await renewed(LONG_MS);
    await renewLease(master, epoch, () => SHORT_MS);
    expect((await leaseStatus(master)).remainingMs).toBeGreaterThan(LONG_MS / 2);
  });

  it('counts from the reading of the clock, so that a slow way to the database cannot prolong it', async () => {
    const remainingMs = () => 400;
    const slow = { query: (...all: Parameters<pg.Client['query']>) => sleep(300).then(() => master.query(...all)) };
    await renewLease(slow as unknown as pg.Client, ++epoch, remainingMs);
    expect((await leaseStatus(master)).remainingMs).toBeLessThan(200);
  });

  it('is late when nothing remains, and absent where nothing is installed', async () => {
    expect(await renewLease(master, ++epoch, () => 0)).toBe('late');
    await removeLease(master);
    expect(await renewLease(master, ++epoch, () => LONG_MS)).toBe('absent');
    expect(await closeLease(master, epoch)).toBe('absent');
  });
});

describe('installation', () => {
  it('checks nothing before somebody renews, since every write would be refused', async () => {
    await removeLease(master);
    await expect(installLease(master, { renewedWithinMs: 20, sleep })).rejects.toMatchObject({ name: 'NotReady' });
    expect((await leaseStatus(master)).state).toBe('prepared');
    await insert();
  });

  it('may run again, twice at once', async () => {
    await renewed(LONG_MS);
    const states = await Promise.all(
      [master, await database.master()].map((client) => installLease(client, { renewedWithinMs: 1_000, sleep })),
    );
    expect(states.map(({ state }) => state)).toEqual(['installed', 'installed']);
  });

  it('tells checks of another version, which another install replaces', async () => {
    await master.query(`COMMENT ON TABLE lifeboat.lease IS 'older'`);
    expect((await leaseStatus(master)).state).toBe('outdated');
    await renewed(LONG_MS);
    expect((await installLease(master, { renewedWithinMs: 1_000, sleep })).state).toBe('installed');
  });

  it('finds a table that was made since, and covers it the next time', async () => {
    await app.query('CREATE TABLE later (id int)');
    await app.query('INSERT INTO later VALUES (1)');
    expect(await leaseStatus(master)).toMatchObject({ state: 'partial', uncovered: [{ table: 'later' }], coversNewTables: false });
    // Its owner is the application: the reason says what is missing.
    expect((await coverTables(master)).uncovered).toEqual([{ table: 'later', reason: 'permission denied for table later' }]);
    await app.query('GRANT TRIGGER ON later TO lifeboat_admin');
    expect((await coverTables(master)).state).toBe('installed');
    await app.query('DROP TABLE later');
  });

  it('finds a check that was switched off, and switches it on', async () => {
    await master.query('ALTER TABLE item DISABLE TRIGGER USER');
    expect((await leaseStatus(master)).uncovered).toMatchObject([{ table: 'item' }]);
    expect((await coverTables(master)).state).toBe('installed');
  });

  it('lets covered tables become partitions and leave again', async () => {
    await master.query('CREATE TABLE billing.invoice_2 (id bigint NOT NULL, month int NOT NULL)');
    await coverTables(master);
    await master.query('ALTER TABLE billing.invoice ATTACH PARTITION billing.invoice_2 FOR VALUES IN (2)');
    expect((await leaseStatus(master)).state).toBe('installed');
    await master.query('ALTER TABLE billing.invoice DETACH PARTITION billing.invoice_2');
    expect((await leaseStatus(master)).state).toBe('installed');
    await master.query('DROP TABLE billing.invoice_2');
  });

  it('gives up on a table that others hold, without holding up the rest', async () => {
    await removeLease(master);
    await prepareLease(master);
    await renewed(LONG_MS);
    const holder = await database.application();
    await holder.query('BEGIN; LOCK TABLE item IN ROW EXCLUSIVE MODE');
    const { uncovered, covered } = await coverTables(master);
    await holder.query('COMMIT');
    expect(uncovered).toEqual([{ table: 'item', reason: 'canceling statement due to lock timeout' }]);
    expect(covered).toBe(2);
  });

  it('under load fails no write', async () => {
    await removeLease(master);
    const writers = await Promise.all(Array.from({ length: 4 }, () => database.application()));
    let writing = true;
    const loads = writers.map(async (client) => {
      for (let n = 0; ; n++) {
        if (!writing) return n;
        await client.query('BEGIN');
        const id = ++next;
        await client.query('INSERT INTO item VALUES ($1)', [id]);
        await client.query('INSERT INTO billing.invoice VALUES ($1, 1)', [id]);
        await client.query('COMMIT');
      }
    });
    await prepareLease(master);
    await renewed(LONG_MS);
    expect((await coverTables(master)).state).toBe('installed');
    await removeLease(master);
    writing = false;
    expect(Math.min(...(await Promise.all(loads)))).toBeGreaterThan(0);
  });

  it('is removed without a trace', async () => {
    await removeLease(master);
    await removeLease(master);
    expect(await catalogue(master)).toEqual(untouched);
  });
});

describe('where the role may make event triggers, as the master user of RDS', () => {
  it('covers tables as they are made, whoever makes them', async () => {
    await removeLease(master);
    const superuser = await database.superuser();
    await prepareLease(superuser);
    await renewLease(superuser, ++epoch, () => LONG_MS);
    expect((await coverTables(superuser)).coversNewTables).toBe(true);
    await app.query('CREATE TABLE later (id int)');
    await app.query('CREATE TABLE later_as AS SELECT 1 AS id');
    expect((await leaseStatus(superuser)).state).toBe('installed');
    await closeLease(superuser, epoch);
    for (const table of ['later', 'later_as']) await expect(app.query(`INSERT INTO ${table} VALUES (1)`)).rejects.toMatchObject(refusal);
    await app.query('DROP TABLE later, later_as');
    await removeLease(superuser);
    expect(await catalogue(master)).toEqual(untouched);
  });
});
