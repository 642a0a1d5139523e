import type { ReplicationSource } from './base-backup.ts';
import { REPLICATOR, removeStandbySignal, type Settings, writeStandbySignal } from './configuration.ts';
import type { PostgresServer } from './server.ts';

const PROMOTION_TIMEOUT_SECONDS = 60;

/** Configures a server, unpacked from a base backup of its primary, to follow it through a slot. Takes effect at its start. */
export async function follow(server: PostgresServer, primary: ReplicationSource, slot: string): Promise<void> {
  await server.configure(following(primary, slot));
  await writeStandbySignal(server.dataDirectory, server.installation.user);
}

function following({ port, password }: ReplicationSource, slot: string): Settings {
  const connection = {
    host: '127.0.0.1',
    port,
    user: REPLICATOR,
    password,
    application_name: slot,
    sslmode: 'disable',
    connect_timeout: 2,
    keepalives_idle: 2,
  };
  const pairs = Object.entries(connection).map(([name, value]) => `${name}=${value}`);
  return { primary_conninfo: pairs.join(' '), primary_slot_name: slot, recovery_target_timeline: 'latest' };
}

/** Makes a running standby a primary on a new timeline, with all it has received. Its former configuration as a standby is forgotten. */
export async function promote(server: PostgresServer): Promise<void> {
  if (await isStandby(server)) {
    const [answer] = await server.query('select pg_promote(true, $1) as promoted', [PROMOTION_TIMEOUT_SECONDS]);
    if (answer?.promoted !== true) throw new Error(`${server.name} was not promoted within ${PROMOTION_TIMEOUT_SECONDS} s`);
  }
  await removeStandbySignal(server.dataDirectory);
  await server.configure();
}

export async function isStandby(server: PostgresServer): Promise<boolean> {
  const [answer] = await server.query('select pg_is_in_recovery() as standby');
  return answer?.standby === true;
}

/** Does the standby stream from its primary at this moment, as the standby sees it? */
export async function isStreaming(server: PostgresServer): Promise<boolean> {
  const rows = await server.query("select 1 from pg_stat_wal_receiver where status = 'streaming'");
  return rows.length > 0;
}

/** Drops each slot of a primary that is not in `keep`, so that it does not hold WAL for a replica that is gone. */
export async function dropSlotsExcept(server: PostgresServer, keep: readonly string[]): Promise<void> {
  const orphans = 'from pg_replication_slots where not temporary and slot_name <> all($1)';
  await server.query(`select pg_terminate_backend(active_pid, 1000) ${orphans} and active`, [keep]);
  await server.query(`select pg_drop_replication_slot(slot_name) ${orphans} and not active`, [keep]);
}
