import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { baseBackup } from '../../lab/postgres/base-backup.ts';
import { locateBinaries } from '../../lab/postgres/binaries.ts';
import type { Certificate } from '../../lab/postgres/certificate.ts';
import { type Installation, PostgresServer } from '../../lab/postgres/server.ts';
import { follow, promote } from '../../lab/postgres/standby.ts';
import { serverUser } from '../../lab/postgres/user.ts';
import { Supervisor } from '../../lab/process/supervisor.ts';
import { createMaster } from '../../lab/rds/master.ts';

const MASTER = { username: 'lifeboat_admin', password: 'correct-horse', databaseName: 'orders' };
const APPLICATION = { username: 'orders_app', password: 'battery-staple' };

/** What the workload owns before Lifeboat comes: tables of the master's, one of them partitioned, in two schemas, and a role that writes. */
const WORKLOAD = `
CREATE ROLE ${APPLICATION.username} LOGIN PASSWORD '${APPLICATION.password}';
CREATE TABLE item (id bigint PRIMARY KEY, note text NOT NULL DEFAULT '');
CREATE SCHEMA billing;
CREATE TABLE billing.invoice (id bigint, month int NOT NULL, PRIMARY KEY (id, month)) PARTITION BY LIST (month);
CREATE TABLE billing.invoice_1 PARTITION OF billing.invoice FOR VALUES IN (1);
GRANT USAGE, CREATE ON SCHEMA public, billing TO ${APPLICATION.username};
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public, billing TO ${APPLICATION.username};
`;

/** A real PostgreSQL whose master is no superuser, as on RDS, with a workload in it. Stop it at the end. */
export class WorkloadDatabase {
  private readonly clients: pg.Client[] = [];
  private readonly servers: PostgresServer[] = [];

  private constructor(
    private readonly supervisor: Supervisor,
    private readonly installation: Installation,
    private readonly certificate?: Certificate,
  ) {}

  /** With a certificate, clients may use TLS. */
  static async start(certificate?: Certificate): Promise<WorkloadDatabase> {
    const supervisor = await Supervisor.start({ project: `lease-test-${randomUUID()}` });
    const user = serverUser();
    const installation = { processes: supervisor, user, password: 'secret', binaries: locateBinaries(supervisor.folder, user) };
    const database = new WorkloadDatabase(supervisor, installation, certificate);
    const server = database.newServer('primary');
    await server.initialize();
    await server.start();
    await createMaster(server, MASTER);
    const master = await database.master();
    await master.query(WORKLOAD);
    return database;
  }

  get primary(): PostgresServer {
    return this.servers[0]!;
  }

  /** A session of Lifeboat's own role; with `options` as its functions open it. */
  master(server = this.primary, options?: string): Promise<pg.Client> {
    return this.connect({ user: MASTER.username, password: MASTER.password, port: server.port, options });
  }

  /** A session of the workload. */
  application(server = this.primary): Promise<pg.Client> {
    return this.connect({ user: APPLICATION.username, password: APPLICATION.password, port: server.port });
  }

  superuser(server = this.primary): Promise<pg.Client> {
    return this.connect({ user: 'rdsadmin', password: this.installation.password, port: server.port });
  }

  /** A streaming standby of the primary; `promote` makes it a writer. */
  async standby(): Promise<PostgresServer> {
    const source = { port: this.primary.port, password: this.installation.password };
    const tar = path.join(this.supervisor.folder, 'standby.tar');
    await baseBackup(source, tar, { slot: 'standby' });
    const standby = this.newServer('standby');
    await standby.unpack(tar);
    await follow(standby, source, 'standby');
    await standby.start();
    return standby;
  }

  readonly promote = promote;

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end().catch(() => undefined)));
    await Promise.all(this.servers.map((server) => server.terminate()));
    await this.supervisor.stop();
    await rm(path.dirname(this.supervisor.folder), { recursive: true, force: true });
  }

  private newServer(name: string): PostgresServer {
    const server = new PostgresServer(name, path.join(this.supervisor.folder, name), this.installation, this.certificate);
    this.servers.push(server);
    return server;
  }

  private async connect(config: pg.ClientConfig): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', database: MASTER.databaseName, query_timeout: 20_000, ...config });
    client.on('error', () => undefined);
    await client.connect();
    this.clients.push(client);
    return client;
  }
}

/** Everything that an installation could leave behind, as text. */
export const catalogue = async (client: pg.Client): Promise<unknown> =>
  (
    await client.query(`
      SELECT 'relation' AS kind, oid::regclass::text AS name, coalesce(relacl::text, '') AS rights FROM pg_class
        WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
      UNION ALL SELECT 'function', oid::regprocedure::text, '' FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
      UNION ALL SELECT 'schema', nspname, coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_'
      UNION ALL SELECT 'trigger', tgname, '' FROM pg_trigger WHERE NOT tgisinternal
      UNION ALL SELECT 'event trigger', evtname, '' FROM pg_event_trigger
      ORDER BY 1, 2`)
  ).rows;
