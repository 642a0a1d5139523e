import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../lab/postgres/server.ts';
import { advance } from '../../lambdas/integrity/advance.ts';
import { type CheckRecord, newRecord } from '../../lambdas/integrity/check-records.ts';
import { isOnlyRound, type LiveChecks, liveChecks, momentOf } from '../../lambdas/resources/postgres-live-checks.ts';
import { WorkloadDatabase } from './database.ts';

const PAGE = 8_192;
const policy: LiveChecks = {
  assertions: [{ name: 'no-debt', sql: 'SELECT count(*) = 0 FROM account WHERE balance < 0' }],
  checksums: [{ table: 'account', column: 'sum', expression: "md5(id || '|' || balance)" }],
  json: [
    { table: 'account', column: 'details' },
    { table: 'billing.invoice', column: 'note' },
  ],
  pages: true,
};

describe('the checks of a live database', () => {
  let database: WorkloadDatabase;
  let master: pg.Client;
  let standby: PostgresServer;

  const check = async (name: string, client = master, checks = policy): Promise<CheckRecord> => {
    const found = liveChecks(checks).find((each) => each.name === name)!;
    const record = await advance(newRecord(name, Date.now()), await found.begin(client), {
      of: new Date().toISOString(),
      until: Number.POSITIVE_INFINITY,
      now: Date.now,
    });
    return record;
  };

  beforeAll(async () => {
    database = await WorkloadDatabase.start();
    master = await database.master();
    await master.query(`
      CREATE TABLE account (id bigint PRIMARY KEY, balance int NOT NULL, details text, sum text);
      INSERT INTO account SELECT n, n, '{"n": ' || n || '}', md5(n || '|' || n) FROM generate_series(1, 20000) n;
      ALTER TABLE billing.invoice ADD note text; INSERT INTO billing.invoice SELECT n, 1, '{}' FROM generate_series(1, 100) n;
      CREATE TABLE fragile (id bigint PRIMARY KEY, filler text); INSERT INTO fragile SELECT n, repeat('x', 200) FROM generate_series(1, 5000) n`);
    standby = await database.standby();
  }, 60_000);
  afterAll(() => database.stop(), 30_000);

  it('pass over good data, in the writer and in its standby', async () => {
    const replica = await database.master(standby);
    for (const client of [master, replica])
      for (const { name } of liveChecks(policy)) expect(await check(name, client), name).toMatchObject({ verdict: 'passed' });
    expect(await momentOf(master)).toMatchObject({ standby: false, at: expect.any(String) });
    expect((await momentOf(replica)).standby).toBe(true);
    expect(await isOnlyRound(replica)).toBe(true);
  }, 60_000);

  it.each([
    [
      'a balance that its checksum does not fit',
      'UPDATE account SET balance = 0 WHERE id = 17',
      'checksum account.sum',
      '1 rows of account, by their keys [17]',
    ],
    [
      'text that is no JSON',
      `UPDATE account SET details = '{"n": ' WHERE id IN (5, 6)`,
      'json account.details',
      '2 rows of account, by their keys [5] [6]',
    ],
    [
      'text that is no JSON, in a partition',
      "UPDATE billing.invoice SET note = 'x' WHERE id = 3",
      'json billing.invoice.note',
      '1 rows of billing.invoice_1, by their keys [3, 1]',
    ],
    ['what the environment denies', 'UPDATE account SET balance = -1 WHERE id = 9', 'assertion no-debt', 'not true'],
  ])('find %s, and name keys alone', async (_, damage, name, detail) => {
    await master.query('BEGIN');
    await master.query(damage);
    await master.query('COMMIT');
    expect(await check(name)).toMatchObject({ verdict: 'failed', detail });
    await master.query(
      `UPDATE account SET balance = id, details = '{}' WHERE sum IS NOT NULL AND (balance <> id OR NOT pg_input_is_valid(details, 'json')); UPDATE billing.invoice SET note = '{}'`,
    );
    expect(await check(name)).toMatchObject({ verdict: 'passed' });
  });

  it('that cannot run are unknown, and quote no value', async () => {
    const broken: LiveChecks = {
      assertions: [
        { name: 'casts', sql: "SELECT bool_and((details || 'secret')::int > 0) FROM account" },
        { name: 'writes', sql: 'UPDATE account SET balance = 0 RETURNING true' },
        { name: 'two', sql: 'COMMIT; DELETE FROM account; SELECT true' },
        { name: 'slow', sql: 'SELECT pg_sleep(30) IS NULL' },
      ],
      checksums: [{ table: 'nowhere', column: 'a', expression: 'b' }],
      json: [],
      pages: false,
    };
    expect(await check('assertion casts', master, broken)).toMatchObject({ verdict: 'unknown', detail: 'SQLSTATE 22P02' });
    expect(await check('assertion writes', master, broken)).toMatchObject({
      verdict: 'unknown',
      detail: expect.stringContaining('read-only'),
    });
    expect(await check('assertion two', master, broken)).toMatchObject({ verdict: 'unknown' });
    await master.query("SET statement_timeout = '300ms'");
    expect(await check('assertion slow', master, broken)).toMatchObject({
      verdict: 'unknown',
      detail: expect.stringContaining('statement timeout'),
    });
    await master.query('SET statement_timeout = 0');
    expect(await check('checksum nowhere.a', master, broken)).toMatchObject({ verdict: 'unknown' });
    expect((await master.query('SELECT count(*)::int AS n FROM account')).rows[0].n).toBe(20_000);
  });

  it('run one round at a time', async () => {
    const other = await database.master();
    expect(await isOnlyRound(master)).toBe(true);
    expect(await isOnlyRound(other)).toBe(false);
  });

  it.each([
    ['a table', 'fragile'],
    ['an index', 'fragile_pkey'],
  ])(
    'find damage in the file of %s, where it is',
    async (_, relation) => {
      const { rows } = await master.query('SELECT pg_relation_filepath(oid) AS file, relname FROM pg_class WHERE relname = $1', [relation]);
      const file = path.join(database.primary.dataDirectory, rows[0].file);
      await database.primary.stop();
      const before = await readFile(file);
      const handle = await open(file, 'r+');
      await handle.write(Buffer.from([before[2 * PAGE + 6_000]! ^ 0xff]), 0, 1, 2 * PAGE + 6_000);
      await handle.close();
      await database.primary.start();
      master = await database.master();
      const record = await check('pages');
      expect(record).toMatchObject({
        verdict: 'failed',
        detail: expect.stringContaining('invalid page in block 2'),
        failedPart: { block: 0 },
      });
      // What reads other tables goes on.
      expect(await check('checksum account.sum')).toMatchObject({ verdict: 'passed' });
      await database.primary.stop();
      const mended = await open(file, 'r+');
      await mended.write(before, 0, before.length, 0);
      await mended.close();
      await database.primary.start();
      master = await database.master();
      expect(await check('pages')).toMatchObject({ verdict: 'passed' });
    },
    60_000,
  );
});
