import type pg from 'pg';
import { InvalidRequest } from '../kit/errors.ts';
import { inSchema, STEADY_TEXT } from './postgres-contents.ts';

/** A column's value as PostgreSQL writes it, which it also reads back exactly; null is null. */
export type Text = string | null;

/** What has to be known of a table to carry rows over. Names are quoted as SQL needs it. */
export interface Shape {
  table: string;
  /** Columns of the primary key. */
  key: string[];
  /** All but generated ones, in the table's order. */
  columns: string[];
}

export interface StoredRow {
  /** Values of the primary key. */
  key: string[];
  /** Of all its columns: equal digests are equal rows. */
  digest: string;
  values: Text[];
}

/** A table's rows in one transaction that only reads. Longer tables are refused: name the rows. */
const MOST_ROWS = 100_000;

/** @throws InvalidRequest for a table that is not there or has no primary key. */
export const shapeOf = async (client: pg.ClientBase, table: string): Promise<Shape> => {
  const { rows } = await client.query<{ table: string; column: string; key: number | null }>(
    `SELECT c.oid::regclass::text AS table, quote_ident(a.attname) AS column, array_position(i.indkey::int2[], a.attnum) AS key
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
     WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum`,
    [inSchema(table)],
  );
  const keyed = rows.filter((row) => row.key !== null).sort((a, b) => a.key! - b.key!);
  if (rows.length === 0) throw new InvalidRequest(`records: there is no table '${table}'`);
  if (keyed.length === 0) throw new InvalidRequest(`records: table '${table}' has no primary key, so that its rows cannot be told apart`);
  return { table: rows[0]!.table, key: keyed.map(({ column }) => column), columns: rows.map(({ column }) => column) };
};

/** Rows by their keys, as one text each. @throws InvalidRequest for a key of another length than the table's. */
export const readRecords = async (client: pg.ClientBase, shape: Shape, keys: readonly string[][]): Promise<Map<string, StoredRow>> => {
  const found = new Map<string, StoredRow>();
  for (const key of keys) {
    const record = await readRecord(client, shape, key);
    if (record) found.set(keyText(key), record);
  }
  return found;
};

/** One row; with `lock` nobody else changes it until the transaction ends. */
export const readRecord = async (
  client: pg.ClientBase,
  shape: Shape,
  key: readonly string[],
  { lock = false } = {},
): Promise<StoredRow | undefined> => {
  if (key.length !== shape.key.length)
    throw new InvalidRequest(`records: a key of '${shape.table}' is (${shape.key.join(', ')}), not ${key.length} values`);
  const { rows } = await client.query<StoredRow>(
    `SELECT ${texts(shape.key)} AS key, ${digest(shape)} AS digest, ${texts(shape.columns)} AS values FROM ${shape.table} t
     WHERE ${whereKey(shape)}${lock ? ' FOR UPDATE' : ''}`,
    [...key],
  );
  return rows[0];
};

/** The digest of each row of a table, by its key. @throws InvalidRequest for a table of more rows than can be compared whole. */
export const readDigests = async (client: pg.ClientBase, shape: Shape): Promise<Map<string, { key: string[]; digest: string }>> => {
  const { rows } = await client.query<{ key: string[]; digest: string }>(
    `SELECT ${texts(shape.key)} AS key, ${digest(shape)} AS digest FROM ${shape.table} t LIMIT ${MOST_ROWS + 1}`,
  );
  if (rows.length > MOST_ROWS) throw new InvalidRequest(`records: table '${shape.table}' has more than ${MOST_ROWS} rows; name the keys`);
  return new Map(rows.map((row) => [keyText(row.key), row]));
};

/** Makes the row what `values` say. @returns false where it was not there to be updated. */
export const writeRecord = async (
  client: pg.ClientBase,
  shape: Shape,
  action: 'update' | 'insert',
  { key, values }: Pick<StoredRow, 'key' | 'values'>,
): Promise<boolean> => {
  const places = shape.columns.map((_, i) => `$${i + 1}`);
  if (action === 'insert') {
    const sql = `INSERT INTO ${shape.table} (${shape.columns.join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${places.join(', ')})`;
    return (await client.query(sql, values)).rowCount === 1;
  }
  const changed = shape.columns.flatMap((column, i) => (shape.key.includes(column) ? [] : [{ set: `${column} = `, value: values[i]! }]));
  const set = changed.map(({ set: text }, i) => `${text}$${key.length + i + 1}`);
  const sql = `UPDATE ${shape.table} t SET ${set.join(', ')} WHERE ${whereKey(shape)}`;
  return (await client.query(sql, [...key, ...changed.map(({ value }) => value)])).rowCount === 1;
};

/** A transaction whose texts are the same wherever it runs, and whose waits are bounded. */
export const inSteadyText = async <T>(client: pg.ClientBase, mode: 'READ ONLY' | 'READ WRITE', work: () => Promise<T>): Promise<T> => {
  await client.query(mode === 'READ ONLY' ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN READ WRITE');
  try {
    // Keys of an extension's type have their operators in `public`, and the table's own triggers look there.
    await client.query(`${STEADY_TEXT}; SET LOCAL lock_timeout = '3s'; SET LOCAL search_path = public`);
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
};

export const keyText = (key: readonly string[]): string => JSON.stringify(key);

const texts = (columns: readonly string[]): string => `ARRAY[${columns.map((column) => `t.${column}::text`).join(', ')}]`;
const digest = ({ columns }: Shape): string => `encode(sha256(convert_to(${texts(columns)}::text, 'UTF8')), 'hex')`;
const whereKey = ({ key }: Shape): string => key.map((column, i) => `t.${column} = $${i + 1}`).join(' AND ');
