import type pg from 'pg';
import { inOneMoment, WAS_VISIBLE } from './postgres-contents.ts';

/**
 * What became of a row version of the old writer at the new one. `absent`: no row of its key is there. `differs`: another version is.
 * `uncompared`: the table has no primary key. What is there word for word is no loss and is not handed over.
 */
export type Finding = 'absent' | 'differs' | 'uncompared';

/** A row that may exist nowhere else, as JSON texts: it goes into the export and nowhere else. */
export interface LostRow {
  finding: Finding;
  key?: string;
  row: string;
}

/** Counts of one table; `present` were written after the last heartbeat too, and arrived. */
export type TableLoss = Record<Finding | 'present', number> & { table: string };

/** The last heartbeat of an epoch that the new writer has: what was committed by then, it has too. */
export interface EndOfEpoch {
  epoch: number;
  /** ISO 8601 UTC. */
  at: string;
  /** Nothing where a version of Lifeboat wrote it that kept none: then every row is a candidate. */
  snapshot?: string;
}

export type TakeRows = (table: string, rows: readonly LostRow[]) => Promise<void>;

const BATCH_ROWS = 500;
/** Undefined table, its type, or its schema: what was made at the old writer alone. */
const NOT_THERE = new Set(['42P01', '42704', '3F000']);
/**
 * Both sides write times and bytes the same way, and a row that a policy hides is an error and not a row less. A key of an extension's type
 * has its operators in `public`. As at the old writer nothing but reading is allowed, although the other one may be a writer.
 */
const STEADY =
  "SET search_path = public; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET IntervalStyle = 'postgres'; SET row_security = off; SET default_transaction_read_only = on";

const PRIMARY_KEY = `
  SELECT quote_ident(a.attname) AS name, a.attname AS plain
  FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
  WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)`;

/**
 * The end of the epoch that `before` replaced, read at the new writer or a replica of it; nothing while that has not yet written in
 * its own epoch, or where no heartbeat of an older one ever arrived.
 */
export const readEndOfEpoch = async (client: pg.ClientBase, before: number): Promise<EndOfEpoch | 'not yet' | 'none'> => {
  const { rows: tables } = await client.query(
    `SELECT to_regclass('lifeboat.heartbeat') IS NOT NULL AS beats, to_regclass('lifeboat.ended_epoch') IS NOT NULL AS ended`,
  );
  if (!tables[0].beats) return 'not yet';
  const { rows: now } = await client.query('SELECT epoch::float8 AS epoch FROM lifeboat.heartbeat WHERE id = 1');
  if ((now[0]?.epoch ?? 0) < before) return 'not yet';
  if (!tables[0].ended) return 'none';
  const { rows } = await client.query(
    'SELECT epoch::float8 AS epoch, at, snapshot::text AS snapshot FROM lifeboat.ended_epoch WHERE epoch < $1 ORDER BY epoch DESC LIMIT 1',
    [before],
  );
  const [end] = rows;
  return end ? { epoch: end.epoch, at: (end.at as Date).toISOString(), snapshot: end.snapshot ?? undefined } : 'none';
};

/**
 * Reads one table of the old writer for row versions that were not yet committed at the end of its epoch, looks each up by its primary
 * key at the new writer or a replica of it, and hands over, in the order of their keys, what is not there word for word. Rows that were deleted
 * at the old writer have no version left to find; values of large objects and sequences are not rows.
 */
export const findLostRows = (
  aside: pg.ClientBase,
  replica: pg.ClientBase,
  { table, snapshot, take }: { table: string; snapshot: string | undefined; take: TakeRows },
): Promise<TableLoss> =>
  inOneMoment(aside, async () => {
    await replica.query(STEADY);
    await aside.query('SET LOCAL row_security = off; SET LOCAL search_path = public');
    const key = (await aside.query<{ name: string; plain: string }>(PRIMARY_KEY, [table])).rows;
    const loss: TableLoss = { table, absent: 0, differs: 0, uncompared: 0, present: 0 };
    await aside.query(declareCandidates(table, key, snapshot), snapshot ? [snapshot] : []);
    for (;;) {
      const batch = (await aside.query<{ key: string | null; row: string }>(`FETCH ${BATCH_ROWS} FROM candidates`)).rows;
      const there = key.length > 0 && batch.length > 0 ? await lookUp(replica, table, key, batch) : new Map<number, string>();
      const lost: LostRow[] = [];
      for (const [i, { key: own, row }] of batch.entries()) {
        const finding = own === null ? 'uncompared' : !there.has(i) ? 'absent' : there.get(i) === row ? 'present' : 'differs';
        loss[finding]++;
        if (finding !== 'present') lost.push({ finding, key: own ?? undefined, row });
      }
      if (lost.length > 0) await take(table, lost);
      if (batch.length < BATCH_ROWS) return loss;
    }
  });

type Key = readonly { name: string; plain: string }[];

const declareCandidates = (table: string, key: Key, snapshot: string | undefined): string => {
  const keyText =
    key.length > 0 ? `jsonb_build_object(${key.map(({ name, plain }) => `${literal(plain)}, t.${name}`).join(', ')})::text` : 'NULL';
  const order = key.length > 0 ? ` ORDER BY ${key.map(({ name }) => `t.${name}`).join(', ')}` : '';
  const where = snapshot ? ` WHERE NOT ${WAS_VISIBLE}` : '';
  return `DECLARE candidates NO SCROLL CURSOR FOR SELECT ${keyText} AS key, to_jsonb(t)::text AS row FROM ${table} t${where}${order}`;
};

/** The rows of these keys, by the place of their key in the batch. A table that is not there has none of them. */
const lookUp = async (
  replica: pg.ClientBase,
  table: string,
  key: Key,
  batch: readonly { key: string | null }[],
): Promise<Map<number, string>> => {
  const match = key.map(({ name }) => `t.${name} = k.${name}`).join(' AND ');
  const sql = `
    SELECT i.n::int - 1 AS n, to_jsonb(t)::text AS row
    FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS i(key, n)
    CROSS JOIN LATERAL jsonb_populate_record(NULL::${table}, i.key) k
    JOIN ${table} t ON ${match}`;
  try {
    const { rows } = await replica.query<{ n: number; row: string }>(sql, [`[${batch.map((each) => each.key).join(',')}]`]);
    return new Map(rows.map(({ n, row }) => [n, row]));
  } catch (error) {
    if (NOT_THERE.has((error as { code?: string }).code ?? '')) return new Map();
    throw error;
  }
};

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
