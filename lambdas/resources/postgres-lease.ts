import type pg from 'pg';
import { NotReady } from '../kit/errors.ts';
import { LEASE_VERSION, PREPARE, REMOVE, WATCH_NEW_TABLES } from './postgres-lease-schema.ts';
import { sqlStateOf } from './sql-state.ts';

export { LEASE_EXPIRED } from './postgres-lease-schema.ts';

/** A trigger waits for the writers of its table, and makes later ones wait behind it: not longer than this. */
const LOCK_TIMEOUT_MS = 500;
const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';
/** Passes by itself: the lock, a deadlock, a table dropped meanwhile, or DDL on the same rows of the catalogue. */
const PASSING = new Set([LOCK_NOT_AVAILABLE, '40P01', '42P01', 'XX000']);
const ATTEMPTS = 4;
const POLL_MS = 500;
/** One install or removal at a time. */
const INSTALLATION_LOCK = 5_271_884_101;

export interface UncoveredTable {
  table: string;
  reason: string;
}

export interface DatabaseLeaseStatus {
  /**
   * `absent`: nothing is installed. `prepared`: the guard can renew, no table is checked yet. `partial`: some tables are not.
   * `outdated`: all are, by the functions of another version of Lifeboat, which another install replaces.
   */
  state: 'absent' | 'prepared' | 'partial' | 'outdated' | 'installed';
  epoch?: number;
  /** ISO 8601, by the database's clock; nothing for a lease that was closed or never renewed. */
  expiresAt?: string;
  /** How long writes are accepted from now on; below 0 they are refused. */
  remainingMs?: number;
  /** A site that lets go closes its epoch for good. */
  closed?: boolean;
  covered: number;
  uncovered: UncoveredTable[];
  /** Are tables covered as they are made? If not, run install again after a migration. */
  coversNewTables: boolean;
}

/** `late`: the deadline had passed. `refused`: a newer epoch is in the database, or this one was closed. `absent`: not installed. */
export type RenewalResult = 'renewed' | 'late' | 'refused' | 'absent';

/**
 * Renews the database's right to write until `remainingMs()` from now, which is asked when the database has told its time. The deadline
 * is laid from that reading, taken before: however long an answer, a pause or a lost packet takes, it can only come out earlier, and
 * the two clocks need not agree.
 */
export const renewLease = async (client: pg.ClientBase, epoch: number, remainingMs: () => number): Promise<RenewalResult> => {
  const { installed, now } = (
    await client.query(`SELECT to_regclass('lifeboat.lease_deadline') IS NOT NULL AS installed,
      floor(extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`)
  ).rows[0];
  if (!installed) return 'absent';
  const remaining = Math.floor(remainingMs());
  if (remaining <= 0) return 'late';
  const { rows } = await client.query('SELECT lifeboat.renew_lease($1, $2) AS renewed', [epoch, now + remaining]);
  return rows[0].renewed ? 'renewed' : 'refused';
};

/**
 * Refuses all further writes of this epoch and of earlier ones: no renewal on its way can open them again, only a later epoch's.
 * `later epoch`: one of those holds, and nothing was closed.
 */
export const closeLease = async (client: pg.ClientBase, epoch: number): Promise<'closed' | 'later epoch' | 'absent'> => {
  if (!(await isInstalled(client))) return 'absent';
  const { rows } = await client.query('SELECT lifeboat.close_lease($1) AS closed', [epoch]);
  return rows[0].closed ? 'closed' : 'later epoch';
};

/** The last epoch that this database knows, and whether its writes are accepted at this moment; nothing where no lease is installed. */
export const readLease = async (client: pg.ClientBase): Promise<{ epoch: number; live: boolean } | undefined> => {
  if (!(await isInstalled(client))) return undefined;
  const { rows } = await client.query(`
    SELECT epoch::float8 AS epoch, NOT closed AND expires_at > clock_timestamp() AS live FROM lifeboat.lease`);
  return rows[0];
};

const isInstalled = async (client: pg.ClientBase): Promise<boolean> =>
  (await client.query(`SELECT to_regclass('lifeboat.lease_deadline') IS NOT NULL AS installed`)).rows[0].installed;

/** Makes what the guard renews; no table is checked yet. @throws NotReady when another installation is under way. */
export const prepareLease = async (client: pg.ClientBase): Promise<void> => {
  const failure = await patiently(client, () => exclusively(client, PREPARE));
  if (failure) throw inTheWay(failure);
};

/**
 * Puts the checks on every table of the workload, each in a transaction of its own: a table's writers wait for that one only, and no
 * deadlock with them is possible. What could not be covered is in the status, with the reason; running it again covers the rest.
 * @throws NotReady when the lease is not renewed, since every write would be refused at once.
 */
export const coverTables = async (client: pg.ClientBase): Promise<DatabaseLeaseStatus> => {
  const before = await leaseStatus(client);
  if (before.state === 'absent' || (before.remainingMs ?? -1) <= 0)
    throw new NotReady('nobody renews the database lease: deploy enforcement: database first, then install');
  const coversNewTables = await watchNewTables(client);
  const failures = new Map<string, string>();
  for (const { table } of before.uncovered) {
    const failure = await patiently(client, () => client.query('SELECT lifeboat.cover_table($1::regclass)', [table]));
    if (failure) failures.set(table, failure.message);
  }
  const after = await leaseStatus(client);
  return {
    ...after,
    coversNewTables,
    uncovered: after.uncovered.map(({ table, reason }) => ({ table, reason: failures.get(table) ?? reason })),
  };
};

/**
 * The whole installation: prepares, waits until the guard has renewed, covers.
 * @throws NotReady when no renewal came in time; nothing is checked then.
 */
export const installLease = async (
  client: pg.ClientBase,
  { renewedWithinMs, sleep }: { renewedWithinMs: number; sleep: (ms: number) => Promise<void> },
): Promise<DatabaseLeaseStatus> => {
  await prepareLease(client);
  for (let waitedMs = 0; waitedMs < renewedWithinMs && ((await leaseStatus(client)).remainingMs ?? -1) <= 0; waitedMs += POLL_MS)
    await sleep(POLL_MS);
  return coverTables(client);
};

/** Takes the checks off again, table by table, then all that belongs to them. The heartbeat stays. */
export const removeLease = async (client: pg.ClientBase): Promise<void> => {
  const { rows } = await client.query(`
    SELECT quote_ident(t.tgname) AS name, t.tgrelid::regclass::text AS relation FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.pronamespace = to_regnamespace('lifeboat') AND t.tgparentid = 0 AND t.tgrelid <> coalesce(to_regclass('lifeboat.truncation'), 0)`);
  // One that fails here, for its owner's sake, goes with the function below.
  for (const { name, relation } of rows) await patiently(client, () => client.query(`DROP TRIGGER IF EXISTS ${name} ON ${relation}`));
  const { rows: schema } = await client.query(`SELECT to_regnamespace('lifeboat') IS NOT NULL AS exists`);
  if (!schema[0].exists) return;
  const failure = await patiently(client, () => exclusively(client, REMOVE));
  if (failure) throw inTheWay(failure);
  const { rows: left } = await client.query(`
    SELECT count(*)::int AS n FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace('lifeboat')`);
  if (left[0].n === 0) await client.query('DROP SCHEMA lifeboat');
};

/** Reads only; works on a standby too. */
export const leaseStatus = async (client: pg.ClientBase): Promise<DatabaseLeaseStatus> => {
  const { rows } = await client.query(`SELECT to_regclass('lifeboat.coverage') IS NOT NULL AS installed`);
  if (!rows[0].installed) return { state: 'absent', covered: 0, uncovered: [], coversNewTables: false };
  const lease = (
    await client.query(
      `
      SELECT l.epoch::float8 AS epoch, l.closed, nullif(l.expires_at, '-infinity') AS "expiresAt",
        CASE WHEN pg_is_in_recovery() OR d.last_value & 65535 = lifeboat.timeline()
          THEN (d.last_value >> 16) - date_part('epoch', clock_timestamp()) * 1000 ELSE 0 END AS "remainingMs",
        EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'lifeboat_cover_new_tables' AND evtenabled <> 'D') AS "coversNewTables",
        obj_description('lifeboat.lease'::regclass, 'pg_class') IS NOT DISTINCT FROM $1 AS "isCurrent"
      FROM lifeboat.lease_deadline d LEFT JOIN lifeboat.lease l ON true`,
      [LEASE_VERSION],
    )
  ).rows[0];
  const tables = (await client.query('SELECT relation::text AS table, at_statement, at_commit FROM lifeboat.coverage ORDER BY oid')).rows;
  const uncovered = tables.filter((each) => !each.at_statement || !each.at_commit).map(({ table }) => ({ table, reason: 'no check' }));
  const covered = tables.length - uncovered.length;
  const whole = lease.isCurrent ? 'installed' : 'outdated';
  return {
    state: uncovered.length === 0 ? whole : covered === 0 ? 'prepared' : 'partial',
    epoch: lease.epoch ?? undefined,
    expiresAt: lease.expiresAt?.toISOString(),
    remainingMs: lease.epoch === null ? undefined : Math.round(lease.remainingMs),
    closed: lease.closed ?? undefined,
    covered,
    uncovered,
    coversNewTables: lease.coversNewTables,
  };
};

/** False where the engine keeps event triggers to superusers. */
const watchNewTables = async (client: pg.ClientBase): Promise<boolean> => {
  const failure = await patiently(client, () => exclusively(client, WATCH_NEW_TABLES));
  if (failure && sqlStateOf(failure) !== INSUFFICIENT_PRIVILEGE) throw inTheWay(failure);
  return !failure;
};

const exclusively = async (client: pg.ClientBase, sql: string): Promise<void> => {
  await client.query('SELECT pg_advisory_xact_lock($1)', [INSTALLATION_LOCK]);
  await client.query(sql);
};

const inTheWay = (error: Error): NotReady => new NotReady(`the database lease cannot be changed now: ${error.message}`, { cause: error });

/** Runs work in a transaction with bounded waits for locks, a few times if need be. Returns what stands in the way, if something does. */
const patiently = async (client: pg.ClientBase, work: () => Promise<unknown>): Promise<Error | undefined> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query('BEGIN');
      await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
      await work();
      await client.query('COMMIT');
      return undefined;
    } catch (error) {
      await client.query('ROLLBACK');
      const passing = PASSING.has(sqlStateOf(error) ?? '');
      if (!passing && sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      if (!passing || attempt === ATTEMPTS) return error as Error;
    }
  }
};
