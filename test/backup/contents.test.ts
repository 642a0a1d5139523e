import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../lambdas/kit/recovery-points.ts';
import { type Contents, readContents, settleContents } from '../../lambdas/resources/postgres-contents.ts';
import { inspect } from '../../lambdas/resources/postgres-integrity.ts';
import { standingOf } from '../../lambdas/verification/record-verification.ts';
import { WorkloadDatabase } from '../resources/database.ts';

const PAGE = 8_192;
const always = { until: Number.POSITIVE_INFINITY, now: Date.now };

describe('what a backup records and a verification compares', () => {
  let database: WorkloadDatabase;
  let master: pg.Client;
  let contents: Contents;

  const check = async (expected = contents, assertions: { name: string; sql: string }[] = []): Promise<Map<string, CheckResult>> =>
    new Map((await inspect(master, expected, assertions)).map((result) => [result.check, result]));
  const verdicts = async (expected = contents) => [...(await check(expected)).values()].map(({ verdict }) => verdict);

  beforeAll(async () => {
    database = await WorkloadDatabase.start();
    master = await database.master();
    await master.query(`
      CREATE SCHEMA lifeboat; CREATE TABLE lifeboat.heartbeat (id int PRIMARY KEY, at timestamptz NOT NULL, epoch bigint NOT NULL);
      INSERT INTO lifeboat.heartbeat VALUES (1, clock_timestamp(), 1);
      INSERT INTO item SELECT n, repeat('x', 100) FROM generate_series(1, 5000) n;
      INSERT INTO billing.invoice SELECT n, 1 FROM generate_series(1, 100) n;
      CREATE TABLE document (body json NOT NULL); INSERT INTO document VALUES ('{"a": 1}');
      CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0)`);
    const before = await readContents(master, always);
    // The workload writes on while the snapshot is taken.
    await master.query("INSERT INTO item VALUES (5001, 'later'); UPDATE counter SET n = n + 1");
    contents = await settleContents(master, before, always);
  }, 60_000);
  afterAll(() => database.stop(), 30_000);

  it('counts each table, those with types that have no hash too, and knows which ones stood still', () => {
    expect(contents.tables.map(({ table, rows, settled }) => [table, rows, settled])).toEqual([
      ['billing.invoice_1', 100, true],
      ['public.counter', 1, false],
      ['public.document', 1, true],
      ['public.item', 5000, true],
    ]);
    expect(contents).toMatchObject({ unread: [], heartbeatAt: expect.stringMatching(/Z$/), sizeBytes: expect.any(Number) });
  });

  it('holds for the same data, whatever was added since', async () => {
    await master.query("INSERT INTO item VALUES (5002, 'later still')");
    const found = await check(contents, [{ name: 'there-are-items', sql: 'SELECT count(*) > 0 FROM item' }]);
    expect([...found.values()].map(({ check: name, verdict }) => [name, verdict])).toEqual(
      ['freshness', 'schema', 'contents', 'heap', 'indexes', 'assertion there-are-items'].map((name) => [name, 'passed']),
    );
    expect(standingOf([...found.values()])).toBe('verified');
  });

  it.each([
    ['a row is missing', 'DELETE FROM item WHERE id = 17', 'contents'],
    ['a row is changed', "UPDATE item SET note = 'other' WHERE id = 18", 'contents'],
    ['a table is missing', 'DROP TABLE document', 'contents'],
    ['an index is missing', 'ALTER TABLE counter DROP CONSTRAINT counter_pkey', 'schema'],
    ['the data are older than the backup says', "UPDATE lifeboat.heartbeat SET at = at - interval '1 minute'", 'freshness'],
  ])('%s: failed', async (_, damage, name) => {
    await withDamage(damage, async () => expect((await check()).get(name)!.verdict).toBe('failed'));
  });

  it('an assertion that is not true has failed, one that cannot run is unknown, and none can write', async () => {
    const assertions = [
      { name: 'false', sql: 'SELECT false' },
      { name: 'no-row', sql: 'SELECT true WHERE false' },
      { name: 'wrong', sql: 'SELECT true FROM no_such_table' },
      { name: 'writes', sql: 'DELETE FROM item RETURNING true' },
    ];
    const found = await check(contents, assertions);
    expect(assertions.map(({ name }) => found.get(`assertion ${name}`)!.verdict)).toEqual(['failed', 'failed', 'unknown', 'unknown']);
    expect((await master.query('SELECT count(*)::int AS n FROM item')).rows[0].n).toBeGreaterThan(5_000);
  });

  it('nothing recorded proves nothing', async () => {
    const found = await inspect(master, undefined, []);
    expect(found.map(({ verdict }) => verdict)).toEqual(['unknown', 'unknown', 'unknown', 'passed', 'passed']);
    expect(standingOf(found)).toBe('unverified');
  });

  it('a byte flipped on a page of a table, and of an index, is found', async () => {
    const files = await master.query("SELECT pg_relation_filepath('item') AS heap, pg_relation_filepath('item_pkey') AS index");
    for (const [file, name] of [
      [files.rows[0].heap, 'heap'],
      [files.rows[0].index, 'indexes'],
    ]) {
      await restart(async () => flip(path.join(database.primary.dataDirectory, file), 3 * PAGE + 4_000));
      const found = await check();
      expect(found.get(name)!.verdict, JSON.stringify([...found.values()])).toBe('failed');
      expect(standingOf([...found.values()])).toBe('failed');
      await restart(async () => flip(path.join(database.primary.dataDirectory, file), 3 * PAGE + 4_000));
    }
    expect(new Set(await verdicts())).toEqual(new Set(['passed']));
  }, 60_000);

  /** Whatever is done to the tables is undone by its inverse, the restore of dropped objects included. */
  const withDamage = async (sql: string, work: () => Promise<void>): Promise<void> => {
    await master.query(sql);
    try {
      await work();
    } finally {
      await repair(sql);
    }
  };

  const repair = async (sql: string): Promise<void> => {
    if (sql.startsWith('DROP TABLE'))
      await master.query(`CREATE TABLE document (body json NOT NULL); INSERT INTO document VALUES ('{"a": 1}')`);
    if (sql.startsWith('ALTER TABLE')) await master.query('ALTER TABLE counter ADD PRIMARY KEY (id)');
    if (sql.includes('heartbeat')) await master.query("UPDATE lifeboat.heartbeat SET at = at + interval '1 minute'");
    if (sql.includes('17')) await master.query("INSERT INTO item VALUES (17, repeat('x', 100))");
    if (sql.includes('18')) await master.query("UPDATE item SET note = repeat('x', 100) WHERE id = 18");
    // Rows that were put back are newer than the reading: what is expected is read again.
    contents = await settleContents(master, await readContents(master, always), always);
  };

  const restart = async (between: () => Promise<void>): Promise<void> => {
    await database.primary.stop();
    await between();
    await database.primary.start();
    master = await database.master();
  };
});

/** Inverts one byte; twice is none. */
const flip = async (file: string, at: number): Promise<void> => {
  const bytes = await readFile(file);
  const handle = await open(file, 'r+');
  await handle.write(Buffer.from([bytes[at]! ^ 0xff]), 0, 1, at);
  await handle.close();
};
