import pg from 'pg';
import { sqlStateOf } from './sql-state.ts';

/**
 * Roles whose login a fence has taken, until it is given back. In the database, so that it stands and falls with the fence: it
 * replicates with it, is in a snapshot with it, and needs no ledger.
 */
const CREATE_MEMORY = `
  CREATE SCHEMA IF NOT EXISTS lifeboat;
  CREATE TABLE IF NOT EXISTS lifeboat.taken_login (role name PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())`;
/** Undefined table and schema. */
const NOT_MADE_YET = new Set(['42P01', '3F000']);
/** Another session makes it at this moment, or has just made it. */
const MADE_BY_ANOTHER = new Set(['23505', '42710', '42P06', '42P07']);

/**
 * Takes the login of those of the roles that have it, and remembers which: a role that had none before has none afterwards, and one whose
 * login was taken already stays remembered. Both in one statement, so that a connection that breaks leaves neither half. A role that Lifeboat's own may not change
 * keeps nobody from taking the others'; that it is open the fence's proof finds out.
 */
export const takeLogins = async (client: pg.ClientBase, roles: readonly string[]): Promise<void> => {
  const take = () =>
    client.query(
      `DO ${pg.escapeLiteral(`DECLARE named name;
      BEGIN
        LOCK TABLE lifeboat.taken_login IN SHARE ROW EXCLUSIVE MODE;
        FOR named IN SELECT rolname FROM pg_roles WHERE rolname = ANY (${namesOf(roles)}) AND rolcanlogin LOOP
          BEGIN
            INSERT INTO lifeboat.taken_login (role) VALUES (named) ON CONFLICT (role) DO NOTHING;
            EXECUTE format('ALTER ROLE %I NOLOGIN', named);
          EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'the login of % cannot be taken', named;
          END;
        END LOOP;
      END`)}`,
    );
  try {
    await take();
  } catch (error) {
    if (!NOT_MADE_YET.has(sqlStateOf(error) ?? '')) throw error;
    await client.query(CREATE_MEMORY).catch((failure: unknown) => {
      if (!MADE_BY_ANOTHER.has(sqlStateOf(failure) ?? '')) throw failure;
    });
    await take();
  }
};

/** Gives the roles back the login that a fence took, and to nobody else. */
export const giveLoginsBack = async (client: pg.ClientBase, roles: readonly string[]): Promise<void> => {
  const { rows } = await client.query(`SELECT to_regclass('lifeboat.taken_login') IS NOT NULL AS made`);
  if (!rows[0].made) return;
  const taken = await client.query('SELECT role FROM lifeboat.taken_login WHERE role = ANY ($1)', [roles]);
  if (taken.rows.length === 0) return;
  await client.query(
    `DO ${pg.escapeLiteral(`DECLARE named name;
    BEGIN
      LOCK TABLE lifeboat.taken_login IN SHARE ROW EXCLUSIVE MODE;
      FOR named IN DELETE FROM lifeboat.taken_login WHERE role = ANY (${namesOf(roles)}) RETURNING role LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = named) THEN
          EXECUTE format('ALTER ROLE %I LOGIN', named);
        END IF;
      END LOOP;
    END`)}`,
  );
};

const namesOf = (roles: readonly string[]): string => `ARRAY[${roles.map((role) => pg.escapeLiteral(role)).join(', ')}]::name[]`;
