import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findLostRows, type LostRow, readEndOfEpoch, type TableLoss } from '../../lambdas/resources/postgres-lost-rows.ts';
import { beat } from '../../lambdas/resources/postgres-writer.ts';
import { WorkloadDatabase } from './database.ts';

let database: WorkloadDatabase;
/** Lifeboat's own sessions: at the old writer, which nobody told of the promotion, and at the new one. */
let old: pg.Client;
let fresh: pg.Client;
/** The workload's at the new one: Lifeboat's only reads once it has searched. */
let writer: pg.Client;

/** The old writer in epoch 3 with 40 rows, its standby promoted in epoch 4; after that both write. */
beforeAll(async () => {
  database = await WorkloadDatabase.start();
  old = await database.master();
  await old.query('CREATE TABLE note (text text)');
  await old.query('INSERT INTO item (id, note) SELECT n, $1 FROM generate_series(1, 40) n', ['before']);
  await beat(old, 2);
  await beat(old, 3);
  const standby = await database.standby();
  await old.query("INSERT INTO item (id, note) VALUES (41, 'after the last heartbeat, and replicated')");
  await replayed(await database.superuser(standby));
  await database.promote(standby);
  fresh = await database.master(standby);
  writer = await database.master(standby);
  await beat(writer, 0);
  await beat(writer, 4);
}, 60_000);
afterAll(() => database.stop(), 30_000);

const replayed = async (standby: pg.Client): Promise<void> => {
  const { rows } = await old.query('SELECT pg_current_wal_lsn()::text AS lsn');
  for (;;) {
    const seen = await standby.query('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done', [rows[0].lsn]);
    if (seen.rows[0].done) return;
  }
};

const search = async (table: string, snapshot?: string): Promise<{ loss: TableLoss; rows: LostRow[] }> => {
  const rows: LostRow[] = [];
  const take = async (_: string, batch: readonly LostRow[]) => void rows.push(...batch);
  return { loss: await findLostRows(old, fresh, { table, snapshot, take }), rows };
};
const snapshot = async (): Promise<string> => {
  const end = await readEndOfEpoch(fresh, 4);
  if (typeof end === 'string' || !end.snapshot) throw new Error(`no end of epoch: ${JSON.stringify(end)}`);
  return end.snapshot;
};

it('the new writer keeps the last heartbeat of the epoch that it ended, and says when it has not begun yet', async () => {
  expect(await readEndOfEpoch(fresh, 4)).toMatchObject({ epoch: 3, snapshot: expect.stringMatching(/^\d+:\d+:/) });
  expect(await readEndOfEpoch(fresh, 5)).toBe('not yet');
  // Beating on does not move it.
  const before = await snapshot();
  await beat(writer, 4);
  expect(await snapshot()).toBe(before);
});

it('what was replicated is no loss, whenever it was written', async () => {
  expect(await search('public.item', await snapshot())).toEqual({
    loss: { table: 'public.item', absent: 0, differs: 0, uncompared: 0, present: 1 },
    rows: [],
  });
  await expect(fresh.query('DELETE FROM item')).rejects.toThrow('read-only transaction');
});

it('finds inserts and updates that never arrived, in every table, by key', async () => {
  await old.query('INSERT INTO item (id, note) SELECT n, $1 FROM generate_series(100, 1399) n', ["lost ' \\ \u00e4"]);
  await old.query("UPDATE item SET note = 'changed at the old writer' WHERE id = 7");
  await old.query('INSERT INTO billing.invoice (id, month) VALUES (1, 1)');
  await old.query("INSERT INTO note VALUES ('has no key')");
  // The new writer lives on, with numbers of transactions that the old one has used as well.
  await writer.query("INSERT INTO item (id, note) VALUES (100, 'another order of the same number')");
  await writer.query("UPDATE item SET note = 'changed at the new writer' WHERE id = 8");

  const items = await search('public.item', await snapshot());
  expect(items.loss).toEqual({ table: 'public.item', absent: 1_299, differs: 2, uncompared: 0, present: 1 });
  expect(items.rows.map(({ key }) => JSON.parse(key!).id)).toEqual([7, ...Array.from({ length: 1_300 }, (_, i) => 100 + i)]);
  expect(items.rows.filter(({ finding }) => finding === 'differs').map(({ key }) => key)).toEqual(['{"id": 7}', '{"id": 100}']);
  expect(JSON.parse(items.rows.at(-1)!.row)).toEqual({ id: 1_399, note: "lost ' \\ \u00e4" });

  const invoices = await search('billing.invoice_1', await snapshot());
  expect(invoices.loss).toMatchObject({ absent: 1, present: 0 });
  expect(JSON.parse(invoices.rows[0]!.key!)).toEqual({ id: 1, month: 1 });

  const notes = await search('public.note', await snapshot());
  expect(notes.loss).toMatchObject({ uncompared: 1, absent: 0 });
  expect(notes.rows[0]).not.toHaveProperty('key', expect.anything());
});

it('a table that the new writer does not have is lost as a whole', async () => {
  await old.query('CREATE TABLE late (id int PRIMARY KEY)');
  await old.query('INSERT INTO late VALUES (1), (2)');
  expect((await search('public.late', await snapshot())).loss).toMatchObject({ absent: 2 });
});

it('without a snapshot every row is compared', async () => {
  expect((await search('public.item')).loss).toMatchObject({ absent: 1_299, differs: 3, present: 39 });
});

it('a row that a policy hides is an error, not a row less', async () => {
  const application = await database.application();
  await application.query('CREATE TABLE hidden (id int PRIMARY KEY)');
  await application.query('INSERT INTO hidden VALUES (1)');
  await application.query('GRANT SELECT ON hidden TO lifeboat_admin');
  await application.query('ALTER TABLE hidden ENABLE ROW LEVEL SECURITY');
  await expect(search('public.hidden', await snapshot())).rejects.toThrow(/row-level security|row security/);
});

it('a heartbeat of a version that kept no snapshot is understood', async () => {
  await old.query('ALTER TABLE lifeboat.heartbeat DROP COLUMN snapshot');
  await beat(old, 3);
  expect((await old.query('SELECT snapshot::text FROM lifeboat.heartbeat')).rows[0].snapshot).toMatch(/^\d+:/);
});
