import { createHash } from 'node:crypto';

/** SQLSTATE of a write that the database lease refuses; of a class that PostgreSQL leaves to users. */
export const LEASE_EXPIRED = 'LB001';

/**
 * What the lease needs beside the triggers; changes nothing for the workload, and may run again at any time.
 *
 * `lease` is the record: renewals lock its row, so that epochs only grow and a closed epoch stays closed. The triggers read the
 * deadline from the sequence `lease_deadline` instead, for two reasons. A sequence has no versions: under REPEATABLE READ the row would
 * be as old as the snapshot, and a write would be refused although the lease is renewed. And a snapshot that is held for hours keeps
 * each version of a row that changes every five seconds, which every write would then wade through.
 *
 * The sequence's value is the deadline in milliseconds since 1970, and in its last 16 bits the timeline on which it was renewed. It
 * replicates with all the rest, still live; but a promotion begins a new timeline, so that a promoted standby is closed at once,
 * whoever promoted it, until its own guard has renewed.
 */
const DEFINITIONS = `
CREATE SCHEMA IF NOT EXISTS lifeboat;
GRANT USAGE ON SCHEMA lifeboat TO PUBLIC;

CREATE TABLE IF NOT EXISTS lifeboat.lease (
  id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  epoch bigint NOT NULL,
  expires_at timestamptz NOT NULL,
  closed boolean NOT NULL DEFAULT false,
  renewed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON lifeboat.lease TO PUBLIC;
CREATE SEQUENCE IF NOT EXISTS lifeboat.lease_deadline;
GRANT SELECT ON SEQUENCE lifeboat.lease_deadline TO PUBLIC;

CREATE OR REPLACE FUNCTION lifeboat.timeline() RETURNS bigint LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
  SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 5, 4))::bit(16)::bigint
$$;
CREATE OR REPLACE FUNCTION lifeboat.renew_lease(new_epoch bigint, new_deadline bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  deadline bigint;
BEGIN
  INSERT INTO lifeboat.lease AS held (epoch, expires_at) VALUES (new_epoch, to_timestamp(new_deadline / 1000.0))
  ON CONFLICT (id) DO UPDATE SET
    epoch = excluded.epoch,
    expires_at = CASE WHEN held.epoch = excluded.epoch THEN greatest(held.expires_at, excluded.expires_at) ELSE excluded.expires_at END,
    closed = false,
    renewed_at = clock_timestamp()
  WHERE held.epoch < excluded.epoch OR (held.epoch = excluded.epoch AND NOT held.closed)
  RETURNING floor(extract(epoch FROM expires_at) * 1000) INTO deadline;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM setval('lifeboat.lease_deadline', (deadline << 16) | lifeboat.timeline());
  RETURN true;
END $$;

-- For good, as far as this epoch goes: who let go must not be opened again by a renewal that is still on its way.
CREATE OR REPLACE FUNCTION lifeboat.close_lease(at_epoch bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO lifeboat.lease AS held (epoch, expires_at, closed) VALUES (at_epoch, '-infinity', true)
  ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, expires_at = '-infinity', closed = true
  WHERE held.epoch <= excluded.epoch;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM setval('lifeboat.lease_deadline', 1);
  RETURN true;
END $$;

-- A TRUNCATE has no rows whose check could be put off to the commit: this one does that for it.
CREATE TABLE IF NOT EXISTS lifeboat.truncation (transaction xid8 NOT NULL);
GRANT SELECT, INSERT, DELETE ON lifeboat.truncation TO PUBLIC;

-- Runs in every statement, so it is lean: 16 bits further left is the deadline. A sequence never renewed gives no value, which refuses. It
-- runs in the workload's own sessions, whose search_path may lead to any operator: each is named with its schema, which costs nothing.
CREATE OR REPLACE FUNCTION lifeboat.require_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF ((pg_catalog.pg_sequence_last_value('lifeboat.lease_deadline'::pg_catalog.regclass) OPERATOR(pg_catalog.>>) 16)::pg_catalog.float8
      OPERATOR(pg_catalog.>) (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000::pg_catalog.float8)) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = '${LEASE_EXPIRED}',
      MESSAGE = 'this database may not write: its lease has expired',
      DETAIL = pg_catalog.format('%s on %I.%I', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
      HINT = 'The lease says which site may write. See schema lifeboat, table lease, and the command lifeboat lease status.';
  END IF;
  IF TG_OP OPERATOR(pg_catalog.=) 'TRUNCATE' THEN
    INSERT INTO lifeboat.truncation VALUES (pg_catalog.pg_current_xact_id());
  END IF;
  RETURN NULL;
END $$;

-- Runs once in a transaction, and so asks for the timeline too.
CREATE OR REPLACE FUNCTION lifeboat.require_lease_at_commit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  deadline bigint := pg_sequence_last_value('lifeboat.lease_deadline'::regclass);
BEGIN
  IF (deadline >> 16 > date_part('epoch', clock_timestamp()) * 1000 AND deadline & 65535 = lifeboat.timeline()) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = '${LEASE_EXPIRED}',
      MESSAGE = 'this transaction may not commit: the database lease expired while it ran, or is of a time before a promotion',
      HINT = 'The lease says which site may write. See schema lifeboat, table lease, and the command lifeboat lease status.';
  END IF;
  IF TG_RELID = 'lifeboat.truncation'::regclass THEN
    DELETE FROM lifeboat.truncation WHERE transaction = pg_current_xact_id();
  END IF;
  RETURN NULL;
END $$;

-- Always empty: a write here, which changes nothing, shows whether the check refuses.
CREATE TABLE IF NOT EXISTS lifeboat.probe ();
CREATE OR REPLACE TRIGGER lifeboat_lease BEFORE INSERT OR UPDATE OR DELETE ON lifeboat.probe
  FOR EACH STATEMENT EXECUTE FUNCTION lifeboat.require_lease();

-- The workload's tables, and whether both checks are on them. Not the workload's: what an extension owns, and temporary tables.
CREATE OR REPLACE VIEW lifeboat.coverage AS
SELECT c.oid, c.oid::regclass AS relation,
  coalesce(bool_or(t.tgfoid = 'lifeboat.require_lease'::regproc), false) AS at_statement,
  coalesce(bool_or(t.tgfoid = 'lifeboat.require_lease_at_commit'::regproc), false) AS at_commit
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')
  AND t.tgfoid IN ('lifeboat.require_lease'::regproc, 'lifeboat.require_lease_at_commit'::regproc)
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('lifeboat', 'information_schema') AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
GROUP BY c.oid;
GRANT SELECT ON lifeboat.coverage TO PUBLIC;

-- Puts the checks that are missing on one table. Statement triggers belong to one table each; row triggers of a partitioned table are
-- its partitions' too, under the same name, so that name carries the table's own number: a covered table can be attached anywhere.
CREATE OR REPLACE FUNCTION lifeboat.cover_table(target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  state lifeboat.coverage;
  at_commit_name text := 'lifeboat_commit_' || target::oid;
BEGIN
  SELECT * INTO state FROM lifeboat.coverage WHERE oid = target;
  IF NOT FOUND THEN RETURN; END IF;
  IF NOT state.at_statement THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER lifeboat_lease BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION lifeboat.require_lease()', target);
  END IF;
  IF state.at_commit THEN RETURN; END IF;
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = target AND tgname = at_commit_name) THEN
    EXECUTE format('DROP TRIGGER %I ON %s', at_commit_name, target);
  END IF;
  -- Queued once in a transaction, not once a row: the queue is kept in memory. A savepoint that is rolled back takes both back.
  EXECUTE format('CREATE CONSTRAINT TRIGGER %I AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (CASE WHEN current_setting(''lifeboat.commit_check'', true) = ''queued'' THEN false
      ELSE set_config(''lifeboat.commit_check'', ''queued'', true) IS NOT NULL END)
    EXECUTE FUNCTION lifeboat.require_lease_at_commit()', at_commit_name, target);
END $$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'lifeboat.truncation'::regclass AND tgname = 'lifeboat_commit') THEN
    CREATE CONSTRAINT TRIGGER lifeboat_commit AFTER INSERT ON lifeboat.truncation DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION lifeboat.require_lease_at_commit();
  END IF;
END $$;
`;

/**
 * Covers tables as they are made, where the role may create event triggers: the master user of RDS may, elsewhere only a superuser. A
 * table that could not be covered is made all the same, with a warning, and shows in the status.
 */
export const WATCH_NEW_TABLES = `
CREATE OR REPLACE FUNCTION lifeboat.cover_new_tables() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
  made oid;
BEGIN
  FOR made IN SELECT objid FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP
    BEGIN
      PERFORM lifeboat.cover_table(made);
    EXCEPTION WHEN OTHERS THEN
      RAISE WARNING 'lifeboat: % is not covered by the database lease: %', made::regclass, SQLERRM;
    END;
  END LOOP;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'lifeboat_cover_new_tables') THEN
    CREATE EVENT TRIGGER lifeboat_cover_new_tables ON ddl_command_end
      WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE SCHEMA')
      EXECUTE FUNCTION lifeboat.cover_new_tables();
  END IF;
END $$;
`;

/** Names these definitions: a database may have those of an older version, which nothing else would show. */
export const LEASE_VERSION = createHash('sha256').update(DEFINITIONS).update(WATCH_NEW_TABLES).digest('hex').slice(0, 12);

/** What the lease needs, and which version of it this is. */
export const PREPARE = `${DEFINITIONS}
COMMENT ON TABLE lifeboat.lease IS '${LEASE_VERSION}';
`;

/** Takes everything away again but the heartbeat. CASCADE reaches triggers on tables that the role may not alter. */
export const REMOVE = `
DROP EVENT TRIGGER IF EXISTS lifeboat_cover_new_tables;
DROP FUNCTION IF EXISTS lifeboat.cover_new_tables();
DROP FUNCTION IF EXISTS lifeboat.cover_table(regclass);
DROP VIEW IF EXISTS lifeboat.coverage;
DROP TABLE IF EXISTS lifeboat.truncation;
DROP TABLE IF EXISTS lifeboat.probe;
DROP FUNCTION IF EXISTS lifeboat.require_lease() CASCADE;
DROP FUNCTION IF EXISTS lifeboat.require_lease_at_commit() CASCADE;
DROP FUNCTION IF EXISTS lifeboat.renew_lease(bigint, bigint);
DROP FUNCTION IF EXISTS lifeboat.timeline();
DROP FUNCTION IF EXISTS lifeboat.close_lease(bigint);
DROP SEQUENCE IF EXISTS lifeboat.lease_deadline;
DROP TABLE IF EXISTS lifeboat.lease;
REVOKE USAGE ON SCHEMA lifeboat FROM PUBLIC;
`;
