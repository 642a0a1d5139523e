import type pg from 'pg';
import { NotReady } from '../kit/errors.ts';
import type { StandbyReading } from './database.ts';
import { takeLogins } from './postgres-logins.ts';

/** How long sessions may finish what they have begun before they are ended. */
const DRAIN_MS = 1_500;
const TERMINATE_TIMEOUT_MS = 2_000;

/** `snapshot` tells what a heartbeat's server had committed by then; `ended_epoch` keeps the last heartbeat of each epoch but the present one. */
const CREATE_HEARTBEAT = `
  CREATE SCHEMA IF NOT EXISTS lifeboat;
  CREATE TABLE IF NOT EXISTS lifeboat.heartbeat (id int PRIMARY KEY, at timestamptz NOT NULL, epoch bigint NOT NULL);
  ALTER TABLE lifeboat.heartbeat ADD COLUMN IF NOT EXISTS snapshot pg_snapshot;
  CREATE TABLE IF NOT EXISTS lifeboat.ended_epoch (epoch bigint PRIMARY KEY, at timestamptz NOT NULL, snapshot pg_snapshot)`;
const BEAT = `
  WITH ended AS (
    INSERT INTO lifeboat.ended_epoch AS known (epoch, at, snapshot)
    SELECT epoch, at, snapshot FROM lifeboat.heartbeat WHERE id = 1 AND epoch NOT IN (0, $1)
    ON CONFLICT (epoch) DO UPDATE SET at = excluded.at, snapshot = excluded.snapshot WHERE known.at < excluded.at
  )
  INSERT INTO lifeboat.heartbeat AS beat (id, at, epoch, snapshot) VALUES (1, clock_timestamp(), $1, pg_current_snapshot())
  ON CONFLICT (id) DO UPDATE SET at = excluded.at, epoch = excluded.epoch, snapshot = excluded.snapshot
  RETURNING extract(epoch FROM at) * 1000 AS at`;
const READ_BEAT = 'SELECT extract(epoch FROM at) * 1000 AS at, epoch FROM lifeboat.heartbeat WHERE id = 1';
/** Undefined table, schema and column: never written before, or by a version that knew less. */
const NOT_MADE_YET = new Set(['42P01', '3F000', '42703']);

export const isInRecovery = async (client: pg.Client): Promise<boolean> =>
  (await client.query('SELECT pg_is_in_recovery() AS standby')).rows[0].standby;

/**
 * Writes the heartbeat row; the first one of an epoch keeps the last one of the epoch before. Epoch 0 is a promotion's, which belongs
 * to none. Succeeds only on a server that accepts writes, so it is also the proof of a promotion.
 */
export const beat = async (client: pg.Client, epoch: number): Promise<number> => {
  const write = async () => Number((await client.query(BEAT, [epoch])).rows[0].at);
  try {
    return await write();
  } catch (error) {
    if (!NOT_MADE_YET.has((error as { code?: string }).code ?? '')) throw error;
    await client.query(CREATE_HEARTBEAT);
    return write();
  }
};

export const readStandby = async (client: pg.Client): Promise<StandbyReading> => {
  const { rows } = await client.query(`
    SELECT pg_is_in_recovery() AS "inRecovery", to_regclass('lifeboat.heartbeat') IS NOT NULL AS "hasBeat",
      extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000 AS "replayedAt", (SELECT coalesce(status, 'not shown') FROM pg_stat_wal_receiver) AS receiver,
      coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::text AS "replayLsn"`);
  const { inRecovery, hasBeat, replayLsn, replayedAt, receiver } = rows[0];
  const [beat] = hasBeat ? (await client.query(READ_BEAT)).rows : [];
  const optional = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));
  const heartbeat = { heartbeatAt: optional(beat?.at), heartbeatEpoch: optional(beat?.epoch) };
  return { inRecovery, replayLsn, ...heartbeat, replayedAt: optional(replayedAt), receiver: receiver ?? undefined };
};

export const hasReplayed = async (client: pg.Client, lsn: string): Promise<boolean> =>
  (await client.query('SELECT coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), $1::pg_lsn) >= 0, false) AS done', [lsn])).rows[0].done;

/**
 * Ends the workload's writing: logins off, a moment for transactions in flight, then sessions ended, then proof that none is left.
 * Logins alone are no fence, since a pool's open sessions write on; ended sessions alone are none, since pools reconnect.
 * `closeWrites` is called in between, before the last log position is read: what it closes, nobody can open again.
 * @throws NotReady while a session is still there, or a role can log in.
 */
export const fenceRoles = async (
  client: pg.Client,
  roles: readonly string[],
  sleep: (ms: number) => Promise<void>,
  closeWrites: () => Promise<unknown> = async () => undefined,
): Promise<{ finalLsn: string; endedSessions: number }> => {
  await takeLogins(client, roles);
  const drainUntil = Date.now() + DRAIN_MS;
  while ((await countSessions(client, roles, "AND state <> 'idle'")) > 0 && Date.now() < drainUntil) await sleep(50);
  await closeWrites();
  const ended = await client.query(
    `SELECT pg_terminate_backend(pid, ${TERMINATE_TIMEOUT_MS}) FROM pg_stat_activity WHERE usename = ANY($1)`,
    [roles],
  );
  const left = await countSessions(client, roles);
  if (left > 0) throw new NotReady(`${left} sessions of the workload are still open`);
  const open = await rolesWithLogin(client, roles);
  if (open.length > 0)
    throw new NotReady(`${open.join(', ')} can still log in: Lifeboat's role may not change it, or somebody gave the login back just now`);
  const { rows } = await client.query('SELECT pg_current_wal_lsn()::text AS lsn');
  return { finalLsn: rows[0].lsn, endedSessions: ended.rowCount ?? 0 };
};

/** Is the fence on and whole: no role may log in, and no session is left? */
export const isFenced = async (client: pg.Client, roles: readonly string[]): Promise<boolean> => {
  return (await rolesWithLogin(client, roles)).length === 0 && (await countSessions(client, roles)) === 0;
};

const rolesWithLogin = async (client: pg.Client, roles: readonly string[]): Promise<string[]> => {
  const { rows } = await client.query('SELECT rolname AS name FROM pg_roles WHERE rolname = ANY($1) AND rolcanlogin ORDER BY 1', [roles]);
  return rows.map(({ name }) => name);
};

const countSessions = async (client: pg.Client, roles: readonly string[], condition = ''): Promise<number> =>
  (await client.query(`SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = ANY($1) ${condition}`, [roles])).rows[0].n;
