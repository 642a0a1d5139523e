import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { freePort, releasePort } from '../process/port.ts';
import type { Processes } from '../types.ts';
import type { Binaries } from './binaries.ts';
import type { Certificate } from './certificate.ts';
import { ADMIN, REPLICATOR, type Settings, writeAdmission, writeConfiguration } from './configuration.ts';
import { Postmaster } from './postmaster.ts';
import { run } from './run.ts';
import { giveTo, makeOwnDirectory, type ServerUser, writeOwn } from './user.ts';

/** What all servers of a lab share. */
export interface Installation {
  processes: Processes;
  binaries: Binaries;
  user: ServerUser;
  /** Of `rdsadmin` and `rdsrepladmin`; one for all servers, since a replica inherits its primary's roles. */
  password: string;
}

/** Passes by itself: another process has taken the port meanwhile, or a killed server's last child is not gone yet. */
const TRANSIENT = /could not bind IPv4 address|pre-existing shared memory block/;
const START_ATTEMPTS = 5;
const QUERY_TIMEOUT_MS = 30_000;

export type Rows = Record<string, unknown>[];

/** One PostgreSQL server: a data directory and, while it runs, a postmaster on a loopback port. */
export class PostgresServer {
  readonly dataDirectory: string;
  /** Known from the first start on; a later start may have to move. */
  port = 0;
  private postmaster: Postmaster | undefined;

  /** `directory` is this server's alone and goes with `remove`. */
  constructor(
    readonly name: string,
    readonly directory: string,
    readonly installation: Installation,
    /** With one, clients may use TLS. */
    private readonly certificate?: Certificate,
  ) {
    this.dataDirectory = path.join(directory, 'data');
  }

  private get certificateFile(): string {
    return path.join(this.directory, 'server.crt');
  }

  private get keyFile(): string {
    return path.join(this.directory, 'server.key');
  }

  get running(): boolean {
    return this.postmaster?.running ?? false;
  }

  /** The postmaster's, while it runs. */
  get pid(): number | undefined {
    return this.postmaster?.pid;
  }

  /** Makes an empty cluster. Each has its own, so that its system identifier is its own too: a standby of another one is refused. */
  async initialize(): Promise<void> {
    const { processes, binaries, user, password } = this.installation;
    await this.makeDirectories();
    const passwordFile = path.join(this.directory, `password-${randomBytes(4).toString('hex')}`);
    await writeOwn(passwordFile, user, password);
    const args = ['-D', this.dataDirectory, '-U', ADMIN, '--pwfile', passwordFile, '-A', 'scram-sha-256', '-E', 'UTF8'];
    const options = [
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--wal-segsize=1',
      '--no-sync',
      '--no-instructions',
    ];
    await run(processes, user, binaries.initdb, [...args, ...options]);
    await rm(passwordFile);
    await this.configure();
    await this.admit(true);
  }

  /** Fills the data directory from a base backup's tar. */
  async unpack(tar: string): Promise<void> {
    const { processes, user } = this.installation;
    await this.makeDirectories();
    await giveTo(user, tar, 0o600);
    await run(processes, user, 'tar', ['-xf', tar, '-C', this.dataDirectory]);
    await this.configure();
    await this.admit(true);
  }

  /** Replaces the configuration; takes effect at the next start. */
  async configure(settings: Settings = {}): Promise<void> {
    const tls = this.certificate && { ssl: 'on', ssl_cert_file: this.certificateFile, ssl_key_file: this.keyFile };
    await writeConfiguration(this.dataDirectory, this.installation.user, { ...tls, ...settings });
  }

  /** Lets everybody with a password in, or nobody but the lab and the replicas. Sessions that exist go on. */
  async admit(everybody: boolean): Promise<void> {
    await writeAdmission(this.dataDirectory, this.installation.user, everybody);
    this.postmaster?.signal('SIGHUP');
  }

  /**
   * Starts, recovering from a crash where there was one. Resolves when connections are accepted, on a standby read-only ones. The settings
   * are this run's, over those of the configuration.
   */
  async start(settings: Settings = {}): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.port ||= await freePort();
      try {
        this.postmaster = await Postmaster.start(this, settings);
        return;
      } catch (error) {
        if (attempt === START_ATTEMPTS || !TRANSIENT.test(String(error))) throw error;
        releasePort(this.port);
        this.port = 0;
      }
    }
  }

  /** Fast shutdown: sessions are ended, everything committed is on disk and, where replicas are connected, sent. */
  async stop(): Promise<void> {
    await this.postmaster?.end('SIGINT');
  }

  /** Immediate shutdown, for what will not be needed again. */
  async terminate(): Promise<void> {
    await this.postmaster?.end('SIGQUIT');
  }

  /** Kills all its processes, as when the host dies. */
  async crash(): Promise<void> {
    await this.postmaster?.kill();
  }

  /** Stops it and deletes its files. */
  async remove(): Promise<void> {
    await this.terminate();
    await rm(this.directory, { recursive: true, force: true });
    releasePort(this.port);
  }

  /** A client past the network, for the control plane and the judge. */
  client(options: pg.ClientConfig = {}): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: this.port,
      user: ADMIN,
      password: this.installation.password,
      database: 'postgres',
      connectionTimeoutMillis: QUERY_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      ...options,
    });
    // A server that dies under an idle client is no error here: the next query says so.
    client.on('error', () => {});
    return client;
  }

  /** One statement as superuser on a connection of its own. */
  async query(sql: string, values: unknown[] = [], database = 'postgres'): Promise<Rows> {
    const client = this.client({ database });
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(sql, values)).rows;
    } finally {
      await client.end();
    }
  }

  /** Makes the role that replicas stream as. */
  async createReplicator(): Promise<void> {
    await this.query(`create role ${REPLICATOR} login replication password ${pg.escapeLiteral(this.installation.password)}`);
    // For base backups that the server writes itself.
    await this.query(`grant pg_write_server_files to ${REPLICATOR}`);
  }

  private async makeDirectories(): Promise<void> {
    await makeOwnDirectory(this.directory, this.installation.user);
    await makeOwnDirectory(this.dataDirectory, this.installation.user);
    if (!this.certificate) return;
    await writeOwn(this.certificateFile, this.installation.user, this.certificate.certificate);
    await writeOwn(this.keyFile, this.installation.user, this.certificate.privateKey);
  }
}
