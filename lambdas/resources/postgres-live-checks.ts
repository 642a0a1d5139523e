import type pg from 'pg';
import { inOneMoment, inSchema, withPublicNames } from './postgres-contents.ts';
import { checkAssertion, type Finding, failed, passed, saidBy, schemaOfAmcheck, unknown, VERIFY_HEAP } from './postgres-integrity.ts';

/** A place in a walk over relations (by their OID) and their blocks. Nothing of the walk lies before `START`. */
export interface Cursor {
  relation: number;
  block: number;
}
export const START: Cursor = { relation: 0, block: 0 };

/** What one part of a check showed, and where the next part begins; nothing when this was the last. */
export interface Part {
  finding: Finding;
  next?: Cursor;
}
export type Walk = (from: Cursor) => Promise<Part>;

/** A check of a live database, in parts of one short statement each. */
export interface LiveCheck {
  name: string;
  /** `rows` are the same in every copy of the database; each copy has its own `pages`. */
  of: 'rows' | 'pages';
  begin(client: pg.ClientBase): Promise<Walk>;
}

export interface LiveChecks {
  assertions: readonly { name: string; sql: string }[];
  checksums: readonly { table: string; column: string; expression: string }[];
  json: readonly { table: string; column: string }[];
  pages: boolean;
}

/** 32 MB: some tenths of a second, and a snapshot that nobody notices. */
const PART_BLOCKS = 4_096;
const SHOWN_KEYS = 5;
const COUNTED_KEYS = 100;
const SHOWN_CHARACTERS = 80;

export const liveChecks = ({ assertions, checksums, json, pages }: LiveChecks): LiveCheck[] => [
  ...assertions.map(
    ({ name, sql }): LiveCheck => ({
      name: `assertion ${name}`,
      of: 'rows',
      begin: async (client) => async () => ({ finding: await attempt(client, () => checkAssertion(client, sql)) }),
    }),
  ),
  ...checksums.map(({ table, column, expression }) =>
    rowCheck(
      `checksum ${table}.${column}`,
      table,
      `t."${column}" IS NOT NULL AND t."${column}"::text IS DISTINCT FROM (${expression})::text`,
    ),
  ),
  ...json.map(({ table, column }) => rowCheck(`json ${table}.${column}`, table, `NOT pg_input_is_valid(t."${column}"::text, 'json')`)),
  ...(pages ? [{ name: 'pages', of: 'pages' as const, begin: beginPages }] : []),
];

/**
 * The time that the contents are of, at least: on a standby that of the last transaction that was replayed. ISO 8601.
 * @returns nothing where a standby has replayed none.
 */
export const momentOf = async (client: pg.ClientBase): Promise<{ standby: boolean; at?: string }> => {
  const { rows } = await client.query<{ standby: boolean; at: Date | null }>(`
    SELECT pg_is_in_recovery() AS standby, CASE WHEN pg_is_in_recovery() THEN pg_last_xact_replay_timestamp() ELSE clock_timestamp() END AS at`);
  return { standby: rows[0]!.standby, at: rows[0]!.at?.toISOString() };
};

/** One round at a time in a database: true when this session may go on. Held until it ends. */
export const isOnlyRound = async (client: pg.ClientBase): Promise<boolean> =>
  (await client.query('SELECT pg_try_advisory_lock($1) AS got', [ROUND_LOCK])).rows[0].got;
const ROUND_LOCK = 5_271_884_102;

interface Relation {
  oid: number;
  name: string;
  blocks: number;
  /** Read as a whole. */
  index: boolean;
}

/** Through relations in the order of their OIDs, so that one that comes or goes meanwhile moves no other. */
const walkOver =
  (relations: readonly Relation[], read: (relation: Relation, from: number, to: number) => Promise<Finding>): Walk =>
  async ({ relation, block }) => {
    const at = relations.findIndex(({ oid, blocks }) => oid > relation || (oid === relation && (block === 0 || block < blocks)));
    const here = relations[at];
    if (!here) return { finding: passed('nothing is left to read') };
    const from = here.oid === relation ? block : 0;
    const to = here.index ? here.blocks : Math.min(from + PART_BLOCKS, here.blocks);
    const finding = await read(here, from, to);
    if (to < here.blocks) return { finding, next: { relation: here.oid, block: to } };
    const after = relations[at + 1];
    return { finding, next: after && { relation: after.oid, block: 0 } };
  };

/** A condition that no row may meet, of a table or of all partitions of one. */
const rowCheck = (name: string, table: string, bad: string): LiveCheck => ({
  name,
  of: 'rows',
  begin: async (client) => {
    const { rows } = await client.query<Relation>(
      `SELECT c.oid, c.oid::regclass::text AS name, (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 AS blocks, false AS index
       FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relkind = 'r'
          OR c.oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1)) WHERE isleaf) ORDER BY c.oid`,
      [inSchema(table)],
    );
    if (rows.length === 0) return async () => ({ finding: unknown(`there is no table ${table} that could be read`) });
    return walkOver(rows, (relation, from, to) => attempt(client, () => findRows(client, relation, bad, from, to)));
  },
});

/** Only keys are fetched of what is found, and of these only a few. */
const findRows = async (client: pg.ClientBase, { oid, name }: Relation, bad: string, from: number, to: number): Promise<Finding> => {
  const { rows: columns } = await client.query<{ name: string }>(
    `SELECT quote_ident(a.attname) AS name FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = $1 AND i.indisprimary ORDER BY array_position(i.indkey::int2[], a.attnum)`,
    [oid],
  );
  const key = columns.map((column) => `t.${column.name}`).join(', ');
  const text = `SELECT json_build_array(${key})::text AS key FROM ONLY ${name} t
    WHERE t.ctid >= '(${from},0)'::tid AND t.ctid < '(${to},0)'::tid AND (${bad}) LIMIT ${COUNTED_KEYS + 1}`;
  // Extended: one statement, which cannot end the transaction that only reads.
  const { rows } = await withPublicNames(client, () => client.query<{ key: string }>({ text, queryMode: 'extended' } as pg.QueryConfig));
  if (rows.length === 0) return passed(`${name}, up to block ${to}`);
  const count = rows.length > COUNTED_KEYS ? `more than ${COUNTED_KEYS}` : String(rows.length);
  const shown = rows.slice(0, SHOWN_KEYS).map((row) => row.key.slice(0, SHOWN_CHARACTERS));
  return failed(`${count} rows of ${name}${key ? `, by their keys ${shown.join(' ')}` : ''}`);
};

/** Every table, the system's own included, and every b-tree. Extensions are not made here: that would be a write. */
const beginPages = async (client: pg.ClientBase): Promise<Walk> => {
  const amcheck = await schemaOfAmcheck(client);
  if (!amcheck) return async () => ({ finding: unknown('needs CREATE EXTENSION amcheck') });
  const { rows } = await client.query<Relation>(`
    SELECT c.oid, c.oid::regclass::text AS name, (pg_relation_size(c.oid) / current_setting('block_size')::int)::float8 AS blocks, c.relkind = 'i' AS index
    FROM pg_class c JOIN pg_am m ON m.oid = c.relam LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relpersistence = 'p' AND (c.relkind IN ('r', 'm') AND m.amname = 'heap' OR c.relkind = 'i' AND m.amname = 'btree' AND i.indisvalid AND i.indisready)
    ORDER BY c.oid`);
  return walkOver(rows, (relation, from, to) => attempt(client, () => checkPages(client, amcheck, relation, from, to)));
};

const checkPages = async (
  client: pg.ClientBase,
  amcheck: string,
  { oid, name, index, blocks }: Relation,
  from: number,
  to: number,
): Promise<Finding> => {
  if (index) {
    await withPublicNames(client, () => client.query(`SELECT ${amcheck}.bt_index_check($1::regclass)`, [oid]));
    return passed(name);
  }
  const range = blocks === 0 ? [null, null] : [from, to - 1];
  const { rows } = await client.query(`SELECT blkno, msg FROM ${amcheck}.${VERIFY_HEAP} LIMIT 1`, [oid, ...range]);
  return rows[0] ? failed(`${name}, block ${rows[0].blkno}: ${String(rows[0].msg).slice(0, 150)}`) : passed(name);
};

/** Corrupted data or index, or a file that is missing or unreadable: what PostgreSQL never says of its surroundings. */
const PROVEN_DAMAGE = /^(XX00[12]|58)/;
const UNDEFINED_FUNCTION = '42883';

/** A part on its own, reading as of one moment. What could not run is `unknown`; a connection that is lost ends the round. */
const attempt = async (client: pg.ClientBase, work: () => Promise<Finding>): Promise<Finding> => {
  try {
    return await inOneMoment(client, work);
  } catch (error) {
    const { code } = error as Error & { code?: string };
    if (code === undefined) throw error;
    const said = saidBy(error);
    if (code === UNDEFINED_FUNCTION && said.includes('pg_input_is_valid')) return unknown('needs PostgreSQL 16');
    return PROVEN_DAMAGE.test(code) ? failed(said) : unknown(said);
  }
};
