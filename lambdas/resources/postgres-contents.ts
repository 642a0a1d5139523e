import type pg from 'pg';
import { sqlStateOf } from './sql-state.ts';

/** A table's rows at one moment, in number and in sum. */
export interface TableContents {
  /** Schema and name, quoted as SQL needs it. */
  table: string;
  rows: number;
  /** Sum of the rows' hashes: independent of their order. No cryptographic proof. */
  checksum: string;
  /** Nothing that was there at the reading was changed or deleted until the snapshot was complete: a restore must show exactly these rows. */
  settled?: boolean;
}

/** What a database held when its backup began. No row is in it. */
export interface Contents {
  /** Visible transactions of the reading, as PostgreSQL writes them. */
  snapshot: string;
  /** Of all columns, indexes and constraints. */
  fingerprint: string;
  /** Newest heartbeat, ISO 8601. */
  heartbeatAt?: string;
  /** Of the database on disk. */
  sizeBytes: number;
  tables: TableContents[];
  /** Tables that could not be read in time, and why. */
  unread: { table: string; reason: string }[];
}

/** The workload's tables: not the system's, not Lifeboat's, not what a restore does not bring back by design. */
const TABLES = `
  SELECT format('%I.%I', n.nspname, c.relname) AS table
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('lifeboat', 'information_schema') AND n.nspname !~ '^pg_'
  ORDER BY 1`;

const FINGERPRINT = `
  SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) AS fingerprint FROM (
    SELECT format('column %s.%s.%s %s %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull) AS line
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('lifeboat', 'information_schema') AND n.nspname !~ '^pg_'
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(i.indexrelid)) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('lifeboat', 'information_schema') AND n.nspname !~ '^pg_'
    UNION ALL
    SELECT format('constraint %s %s %s', o.conrelid::regclass, o.conname, pg_get_constraintdef(o.oid)) FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace
    WHERE o.conrelid <> 0 AND n.nspname NOT IN ('lifeboat', 'information_schema') AND n.nspname !~ '^pg_'
  ) AS lines`;

/** A row's hash; of the row's text where a column's type has no hash function. */
// A cast of the row's type may be the workload's own function; how a type is written out is not.
const HASHES = ['hash_record_extended(t, 0)', 'hashtextextended(record_out(t)::text, 0)'] as const;
const UNDEFINED_FUNCTION = '42883';

/**
 * Was the transaction that wrote the row visible in the snapshot `$1`? A row knows 32 bits of its transaction's number: the rest is that of
 * the nearest number to the snapshot's.
 */
export const WAS_VISIBLE = `pg_visible_in_snapshot(
  greatest(pg_snapshot_xmax($1::pg_snapshot)::text::bigint
    + (((t.xmin::text::bigint - pg_snapshot_xmax($1::pg_snapshot)::text::bigint) & 4294967295) # 2147483648) - 2147483648, 1)::text::xid8,
  $1::pg_snapshot)`;

/** Text forms of rows depend on these. */
export const STEADY_TEXT =
  "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'";

/** Reads the whole database as of one moment, in a transaction that writes nothing. Ends at `until` with what it has; the rest is `unread`. */
export const readContents = (client: pg.ClientBase, { until, now }: { until: number; now: () => number }): Promise<Contents> =>
  inOneMoment(client, async () => {
    const { rows: moments } = await client.query(
      'SELECT pg_current_snapshot()::text AS snapshot, pg_database_size(current_database())::float8 AS bytes',
    );
    const contents: Contents = {
      snapshot: moments[0].snapshot,
      fingerprint: await readFingerprint(client),
      heartbeatAt: await readHeartbeat(client),
      sizeBytes: moments[0].bytes,
      tables: [],
      unread: [],
    };
    for (const table of await tablesOf(client)) {
      const read = now() < until ? await trySum(client, table) : 'no time was left';
      if (typeof read === 'string') contents.unread.push({ table, reason: read });
      else contents.tables.push({ table, ...read });
    }
    return contents;
  });

/** After the snapshot is complete: which tables still hold exactly what they held at the reading, beside what was added since. */
export const settleContents = (
  client: pg.ClientBase,
  contents: Contents,
  { until, now }: { until: number; now: () => number },
): Promise<Contents> =>
  inOneMoment(client, async () => {
    const tables: TableContents[] = [];
    for (const each of contents.tables) {
      const again = now() < until ? await trySum(client, each.table, contents.snapshot) : 'no time was left';
      tables.push({ ...each, settled: typeof again !== 'string' && again.rows === each.rows && again.checksum === each.checksum });
    }
    return { ...contents, tables };
  });

/** In a transaction that only reads: definitions are written without the schema where that is `public`, and recovery points have them so. */
export const readFingerprint = (client: pg.ClientBase): Promise<string> =>
  withPublicNames(client, async () => (await client.query(FINGERPRINT)).rows[0].fingerprint ?? 'empty');

/** Nothing where Lifeboat never wrote one. */
export const readHeartbeat = async (client: pg.ClientBase): Promise<string | undefined> => {
  const { rows } = await client.query(`SELECT to_regclass('lifeboat.heartbeat') IS NOT NULL AS exists`);
  if (!rows[0].exists) return undefined;
  return (await client.query<{ at: Date }>('SELECT at FROM lifeboat.heartbeat WHERE id = 1')).rows[0]?.at.toISOString();
};

export const tablesOf = async (client: pg.ClientBase): Promise<string[]> =>
  (await client.query<{ table: string }>(TABLES)).rows.map(({ table }) => table);

/** A table's rows in number and sum; with a snapshot, only those that were written by then. Reads every page of the table. */
export const sumTable = async (
  client: pg.ClientBase,
  table: string,
  snapshot?: string,
): Promise<Pick<TableContents, 'rows' | 'checksum'>> => {
  for (const hash of HASHES) {
    try {
      await client.query('SAVEPOINT sum');
      const text = `SELECT count(*)::float8 AS rows, coalesce(sum(${hash}::numeric), 0)::text AS checksum FROM ${table} t`;
      const { rows } = snapshot ? await client.query(`${text} WHERE ${WAS_VISIBLE}`, [snapshot]) : await client.query(text);
      return { rows: rows[0].rows, checksum: rows[0].checksum };
    } catch (error) {
      await client.query('ROLLBACK TO SAVEPOINT sum');
      if (sqlStateOf(error) !== UNDEFINED_FUNCTION || hash === HASHES.at(-1)) throw error;
    }
  }
  throw new Error('unreachable');
};

/** One transaction that reads, all of it as of one moment. */
export const inOneMoment = async <T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> => {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await client.query(STEADY_TEXT);
    return await work();
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
};

/**
 * What the environment's own SQL names is found as by anybody: in `public` where no schema is said. So it finds functions and operators
 * that somebody put there; in a transaction that only reads.
 */
export const withPublicNames = async <T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> => {
  await client.query('SET LOCAL search_path = public');
  const result = await work();
  await client.query('SET LOCAL search_path = pg_catalog');
  return result;
};

/** A table as a person names it: in `public` where no schema is said. */
export const inSchema = (table: string): string => (/^("[^"]+"|[^".]+)$/.test(table) ? `public.${table}` : table);

/** The sums, or why there are none. */
const trySum = async (
  client: pg.ClientBase,
  table: string,
  snapshot?: string,
): Promise<Pick<TableContents, 'rows' | 'checksum'> | string> => {
  try {
    return await sumTable(client, table, snapshot);
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error; // the connection, not the table
    return (error as Error).message;
  }
};
