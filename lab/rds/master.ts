import pg from 'pg';
import type { PostgresServer } from '../postgres/server.ts';

/** Whom an instance is created for. */
export interface Master {
  username: string;
  password: string;
  databaseName: string | undefined;
}

const id = pg.escapeIdentifier;

/**
 * Makes the roles of a new instance as on RDS: the master is no superuser, but makes roles and databases, and by `rds_superuser` sees all
 * sessions and may end those of others.
 */
export async function createMaster(server: PostgresServer, master: Master): Promise<void> {
  await server.createReplicator();
  await server.query('create role rds_superuser nologin');
  await server.query('grant pg_monitor, pg_signal_backend, pg_checkpoint, pg_use_reserved_connections to rds_superuser with admin option');
  await server.query(`create role ${id(master.username)} login createrole createdb valid until 'infinity'`);
  await setMasterPassword(server, master.username, master.password);
  await server.query(`grant rds_superuser to ${id(master.username)} with admin option`);
  await server.query(`alter database postgres owner to ${id(master.username)}`);
  if (master.databaseName) await server.query(`create database ${id(master.databaseName)} owner ${id(master.username)}`);
}

export async function setMasterPassword(server: PostgresServer, username: string, password: string): Promise<void> {
  await server.query(`alter role ${id(username)} password ${pg.escapeLiteral(password)}`);
}
