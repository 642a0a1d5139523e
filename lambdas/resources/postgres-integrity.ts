import type pg from 'pg';
import type { CheckResult } from '../kit/recovery-points.ts';
import { type Contents, inOneMoment, readFingerprint, readHeartbeat, sumTable, tablesOf, withPublicNames } from './postgres-contents.ts';

/** What PostgreSQL says when it finds damage: data or index corrupted, a file missing or unreadable. AWS or the network never say these. */
const DAMAGE = /^(XX|58)/;

export const isDamage = (error: unknown): boolean => DAMAGE.test((error as { code?: string } | undefined)?.code ?? '');

/** So many beats may be missing before a moment: one may be late, and one lost. */
const BEATS_MISSED = 3;

export interface Assertion {
  name: string;
  sql: string;
}

/** The checks of a restored copy, each bounded by the connection's own timeout. Damage is `failed`; what could not run is `unknown`. */
export const inspect = async (
  client: pg.ClientBase,
  expected: Contents | undefined,
  assertions: readonly Assertion[],
): Promise<CheckResult[]> => [
  await attempt('freshness', () => checkFreshness(client, expected)),
  await attempt('schema', () => inOneMoment(client, () => checkSchema(client, expected))),
  await attempt('contents', () => inOneMoment(client, () => checkContents(client, expected))),
  ...(await inspectStructure(client, assertions)),
];

/** The checks of a database as it was at a moment of which nothing was recorded: that it reaches there and not past it, and that it is whole. */
export const inspectMoment = async (
  client: pg.ClientBase,
  expected: { moment: string; beatSeconds: number },
  assertions: readonly Assertion[],
): Promise<CheckResult[]> => [
  await attempt('moment', () => checkMoment(client, expected)),
  ...(await inspectStructure(client, assertions)),
];

const inspectStructure = async (client: pg.ClientBase, assertions: readonly Assertion[]): Promise<CheckResult[]> => [
  await attempt('heap', () => checkHeap(client)),
  // An index over an expression calls the workload's function, which finds what it names in `public`.
  await attempt('indexes', () => inOneMoment(client, () => withPublicNames(client, () => checkIndexes(client)))),
  ...(await eachOf(assertions, ({ name, sql }) =>
    attempt(`assertion ${name}`, () => inOneMoment(client, () => checkAssertion(client, sql))),
  )),
];

export type Finding = Omit<CheckResult, 'check'>;

export const passed = (detail: string): Finding => ({ verdict: 'passed', detail });
export const failed = (detail: string): Finding => ({ verdict: 'failed', detail });
export const unknown = (detail: string): Finding => ({ verdict: 'unknown', detail });

/** Messages of these classes quote what was in a row. */
const QUOTES_VALUES = /^2[23]/;

/** What PostgreSQL said, for people and records: objects' names, no row's contents. */
export const saidBy = (error: unknown): string => {
  const { code = '', message } = error as Error & { code?: string };
  return QUOTES_VALUES.test(code) ? `SQLSTATE ${code}` : message.split('\n')[0]!.slice(0, 200);
};

const attempt = async (check: string, work: () => Promise<Finding>): Promise<CheckResult> => {
  try {
    return { check, ...(await work()) };
  } catch (error) {
    const detail = saidBy(error);
    return { check, ...(isDamage(error) ? failed(detail) : unknown(detail)) };
  }
};

const checkFreshness = async (client: pg.ClientBase, expected: Contents | undefined): Promise<Finding> => {
  if (!expected?.heartbeatAt) return unknown('no heartbeat was recorded with the backup');
  const found = await readHeartbeat(client);
  if (!found || found < expected.heartbeatAt)
    return failed(`reaches to ${found ?? 'nowhere'}, the backup recorded ${expected.heartbeatAt}`);
  return passed(`reaches to ${found}`);
};

/** The guard's beats come by the database's own clock, as the log's times do. A log that has a gap ends early and says nothing of it. */
const checkMoment = async (client: pg.ClientBase, { moment, beatSeconds }: { moment: string; beatSeconds: number }): Promise<Finding> => {
  const found = await readHeartbeat(client);
  if (!found) return unknown('it has no heartbeat');
  if (found > moment) return failed(`reaches to ${found}, past ${moment}`);
  const gapSeconds = (Date.parse(moment) - Date.parse(found)) / 1000;
  const says = `its newest heartbeat is of ${found}, ${gapSeconds} s before`;
  return gapSeconds <= BEATS_MISSED * beatSeconds ? passed(says) : unknown(`${says}: a gap in the log, or an outage then`);
};

const checkSchema = async (client: pg.ClientBase, expected: Contents | undefined): Promise<Finding> => {
  if (!expected) return unknown('no contents were recorded with the backup');
  const found = await readFingerprint(client);
  return found === expected.fingerprint ? passed(found) : failed(`fingerprint ${found}, the backup recorded ${expected.fingerprint}`);
};

/** Exactly what was there at the backup's reading; of tables that changed meanwhile, that each row can be read. */
const checkContents = async (client: pg.ClientBase, expected: Contents | undefined): Promise<Finding> => {
  if (!expected) return unknown('no contents were recorded with the backup');
  const present = await tablesOf(client);
  const problems: string[] = [];
  let exact = 0;
  for (const { table, rows, checksum, settled } of expected.tables) {
    if (!present.includes(table)) {
      problems.push(`${table} is missing`);
      continue;
    }
    const found = await sumTable(client, table, settled ? expected.snapshot : undefined);
    if (!settled) continue;
    exact++;
    if (found.rows !== rows || found.checksum !== checksum) problems.push(`${table} has ${found.rows} of ${rows} rows, or other ones`);
  }
  if (problems.length > 0) return failed(problems.slice(0, 5).join('; '));
  if (expected.unread.length > 0)
    return unknown(`${expected.unread.length} tables were not recorded, the first: ${expected.unread[0]!.table}`);
  return passed(`${exact} tables are exactly as recorded, ${expected.tables.length - exact} changed during the backup and can be read`);
};

/** Every argument in its own type: no function of the same name can fit better. The range is of blocks, null for all. */
export const VERIFY_HEAP = "verify_heapam($1::regclass, true, true, 'none'::text, $2::bigint, $3::bigint)";

/** Where the extension is, quoted as SQL needs it; nothing where it is not. */
export const schemaOfAmcheck = async (client: pg.ClientBase): Promise<string | undefined> =>
  (await client.query("SELECT extnamespace::regnamespace::text AS name FROM pg_extension WHERE extname = 'amcheck'")).rows[0]?.name;

/** Every page of every table, the system's own included. */
const checkHeap = async (client: pg.ClientBase): Promise<Finding> => {
  await client.query('CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public');
  const amcheck = await schemaOfAmcheck(client);
  const { rows: tables } = await client.query<{ oid: number; name: string }>(
    "SELECT c.oid, c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' ORDER BY c.oid",
  );
  for (const { oid, name } of tables) {
    const { rows } = await client.query(`SELECT blkno, msg FROM ${amcheck}.${VERIFY_HEAP} LIMIT 1`, [oid, null, null]);
    if (rows[0]) return failed(`${name}, block ${rows[0].blkno}: ${String(rows[0].msg).slice(0, 150)}`);
  }
  return passed(`${tables.length} tables`);
};

/** Every index against its own order and, where it is the workload's, against its table. */
const checkIndexes = async (client: pg.ClientBase): Promise<Finding> => {
  const { rows: indexes } = await client.query<{ oid: number; name: string }>(`
    SELECT c.oid, c.oid::regclass::text AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
    WHERE m.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid AND i.indisready ORDER BY c.oid`);
  const amcheck = await schemaOfAmcheck(client);
  for (const { oid, name } of indexes) {
    await client.query(`SELECT ${amcheck}.bt_index_check($1::regclass, true)`, [oid]).catch((error: Error) => {
      error.message = `${name}: ${error.message}`;
      throw error;
    });
  }
  return passed(`${indexes.length} indexes`);
};

/** As one statement: a second one could end the transaction that only reads. */
export const checkAssertion = async (client: pg.ClientBase, sql: string): Promise<Finding> => {
  const { rows, fields } = await withPublicNames(client, () => client.query({ text: sql, queryMode: 'extended' } as pg.QueryConfig));
  const value: unknown = rows.length === 1 ? rows[0][fields[0]!.name] : undefined;
  return value === true ? passed('true') : failed(rows.length === 1 ? 'not true' : `${rows.length} rows, not one`);
};

const eachOf = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
};
