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
  await prepareAmcheck(server);
  if (master.databaseName) await server.query(`create database ${id(master.databaseName)} owner ${id(master.username)}`);
}

/**
 * On RDS `rds_superuser` may create and use the extension `amcheck`. PostgreSQL keeps that to superusers, so here each database has it from
 * the template on, and the role is given its use.
 */
async function prepareAmcheck(server: PostgresServer): Promise<void> {
  await server.query('create extension amcheck', [], 'template1');
  const rows = await server.query(
    "select oid::regprocedure::text as signature from pg_proc where proname ~ '^(verify_heapam|bt_index_(parent_)?check)$'",
    [],
    'template1',
  );
  for (const { signature } of rows) await server.query(`grant execute on function ${signature} to rds_superuser`, [], 'template1');
}

export async function setMasterPassword(server: PostgresServer, username: string, password: string): Promise<void> {
  await server.query(`alter role ${id(username)} password ${pg.escapeLiteral(password)}`);
}
