import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type ServerUser, writeOwn } from './user.ts';

/** The role that owns the cluster, and the role that replicas stream as; named as on RDS. */
export const ADMIN = 'rdsadmin';
export const REPLICATOR = 'rdsrepladmin';

/** Names and values as in `postgresql.conf`. */
export type Settings = Record<string, string | number>;

/**
 * What every server of the lab runs with. `fsync` is off, which is honest for crashes of processes (the kernel keeps what was written; only
 * a power cut would lose it); `synchronous_commit` stays on, since without it a killed process does lose what it acknowledged.
 * A standby must have at least its primary's `max_connections` and `max_wal_senders`, so all have the same.
 */
const SETTINGS: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 80,
  shared_buffers: '16MB',
  wal_level: 'replica',
  max_wal_senders: 20,
  max_replication_slots: 20,
  hot_standby: 'on',
  hot_standby_feedback: 'on',
  fsync: 'off',
  full_page_writes: 'on',
  synchronous_commit: 'on',
  track_commit_timestamp: 'on',
  max_wal_size: '256MB',
  min_wal_size: '16MB',
  wal_keep_size: '32MB',
  // A slot whose replica never returns may not fill the disk.
  max_slot_wal_keep_size: '4GB',
  wal_sender_timeout: '10s',
  wal_receiver_timeout: '10s',
  wal_receiver_status_interval: '1s',
  wal_retrieve_retry_interval: '500ms',
  // Fewer processes per server: the lab runs many.
  io_method: 'sync',
  max_worker_processes: 4,
  max_parallel_workers: 2,
  jit: 'off',
  logging_collector: 'off',
  log_line_prefix: '%m [%p] %q%u@%d ',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/**
 * Writes a data directory's whole configuration. Always written anew: a base backup carries its source's, with the source's standby
 * settings and passwords.
 */
export async function writeConfiguration(dataDirectory: string, user: ServerUser, settings: Settings = {}): Promise<void> {
  const lines = Object.entries({ ...SETTINGS, ...settings }).map(([name, value]) => `${name} = ${quote(String(value))}\n`);
  await writeOwn(path.join(dataDirectory, 'postgresql.conf'), user, lines.join(''));
  await writeOwn(path.join(dataDirectory, 'postgresql.auto.conf'), user, '');
}

/**
 * Writes who may connect: everybody with a password, or nobody but the lab and the replicas. Takes effect for new connections at a start
 * or a reload; established ones stay, as they do when a security group changes.
 */
export async function writeAdmission(dataDirectory: string, user: ServerUser, everybody: boolean): Promise<void> {
  const rules = [
    `host replication ${REPLICATOR} 127.0.0.1/32 scram-sha-256`,
    `host all ${REPLICATOR} 127.0.0.1/32 reject`,
    `host all ${ADMIN} 127.0.0.1/32 scram-sha-256`,
    `host all all 127.0.0.1/32 ${everybody ? 'scram-sha-256' : 'reject'}`,
  ];
  await writeOwn(path.join(dataDirectory, 'pg_hba.conf'), user, `${rules.join('\n')}\n`);
}

/** Makes the server start as a standby that asks its primary for WAL until it is promoted. */
export async function writeStandbySignal(dataDirectory: string, user: ServerUser): Promise<void> {
  await writeOwn(path.join(dataDirectory, 'standby.signal'), user, '');
}

/** Makes the server start by replaying an archive. It removes the file itself when it has done so. */
export async function writeRecoverySignal(dataDirectory: string, user: ServerUser): Promise<void> {
  await writeOwn(path.join(dataDirectory, 'recovery.signal'), user, '');
}

export async function removeStandbySignal(dataDirectory: string): Promise<void> {
  await rm(path.join(dataDirectory, 'standby.signal'), { force: true });
}

const quote = (value: string): string => `'${value.replaceAll("'", "''")}'`;
