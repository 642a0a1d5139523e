import { randomBytes } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import pg from 'pg';
import { REPLICATOR } from './configuration.ts';

/** Where a server's replication port is, as seen by who copies from it. */
export interface ReplicationSource {
  port: number;
  password: string;
}

/** For a backup that the server makes by itself. */
const AT_SERVER_TIMEOUT_MS = 300_000;
/** No byte for this long, and the link is taken for dead. */
const STALL_TIMEOUT_MS = 10_000;

/**
 * Copies a running server into a tar, by the replication protocol (the binaries package has no `pg_basebackup`), for a replica: the slot,
 * made before the backup begins, keeps at the source the WAL that the copy still needs.
 */
export async function baseBackup(source: ReplicationSource, tar: string, { slot }: { slot: string }): Promise<void> {
  const client = replicationClient(source);
  const file = createWriteStream(tar, { mode: 0o600 });
  try {
    await client.connect();
    await createSlot(client, slot);
    await transfer(client, new BaseBackup(file));
    file.end();
    await finished(file);
  } finally {
    file.destroy();
    await client.end();
  }
}

/**
 * Copies a running server into `base.tar` in a folder of the server's own making, with the WAL that makes it consistent. No byte passes
 * through this process. Without the slot, which goes with the connection, a busy server removes WAL before it has copied it.
 */
export async function baseBackupAtServer(source: ReplicationSource, folder: string): Promise<string> {
  const client = replicationClient(source, AT_SERVER_TIMEOUT_MS);
  try {
    await client.connect();
    await client.query(`CREATE_REPLICATION_SLOT backup_${randomBytes(6).toString('hex')} TEMPORARY PHYSICAL (RESERVE_WAL true)`);
    const target = `TARGET 'server', TARGET_DETAIL ${pg.escapeLiteral(folder)}`;
    await client.query(`BASE_BACKUP (LABEL 'lab', ${target}, CHECKPOINT 'fast', WAL true, WAIT false, MANIFEST 'no')`);
    return path.join(folder, 'base.tar');
  } finally {
    await client.end();
  }
}

/** A slot left by an attempt that broke off is made anew: it may have been invalidated since. */
async function createSlot(client: pg.Client, slot: string): Promise<void> {
  await client.query(`DROP_REPLICATION_SLOT ${slot}`).catch((error: { code?: string }) => {
    if (error.code !== UNDEFINED_OBJECT) throw error;
  });
  await client.query(`CREATE_REPLICATION_SLOT ${slot} PHYSICAL RESERVE_WAL`);
}
const UNDEFINED_OBJECT = '42704';

function replicationClient({ port, password }: ReplicationSource, queryTimeoutMs?: number): pg.Client {
  const config: pg.ClientConfig & { replication: string } = {
    host: '127.0.0.1',
    port,
    user: REPLICATOR,
    password,
    application_name: 'base-backup',
    connectionTimeoutMillis: STALL_TIMEOUT_MS,
    query_timeout: queryTimeoutMs,
    replication: 'true',
  };
  const client = new pg.Client(config);
  client.on('error', () => {});
  return client;
}

async function transfer(client: pg.Client, backup: BaseBackup): Promise<void> {
  const watchdog = setInterval(
    () => backup.stalledMs() > STALL_TIMEOUT_MS && backup.handleError(new Error('the base backup stalled')),
    1000,
  );
  try {
    client.query(backup);
    await backup.done;
  } finally {
    clearInterval(watchdog);
  }
}

interface Wire {
  query(sql: string): void;
  stream: { pause(): void; resume(): void };
}

/** Message types inside the copy stream of BASE_BACKUP. */
const NEW_ARCHIVE = 0x6e;
const DATA = 0x64;
const MANIFEST = 0x6d;

/** The BASE_BACKUP command as node's `pg` runs queries: it calls these handlers while the answer arrives. */
class BaseBackup {
  readonly done: Promise<void>;
  private resolve: () => void = () => {};
  private reject: (error: Error) => void = () => {};
  private archives = 0;
  private inManifest = false;
  private draining = false;
  private lastByteAt = Date.now();
  private readonly file: WriteStream;

  constructor(file: WriteStream) {
    this.file = file;
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    file.on('error', (error) => this.reject(error));
  }

  submit(connection: unknown): void {
    (connection as Wire).query("BASE_BACKUP (LABEL 'lab', CHECKPOINT 'fast', WAL false, WAIT false, MANIFEST 'no')");
  }

  stalledMs(): number {
    return this.draining ? 0 : Date.now() - this.lastByteAt;
  }

  handleCopyData(message: { chunk: Buffer }, connection: Wire): void {
    this.lastByteAt = Date.now();
    const { chunk } = message;
    if (chunk[0] === NEW_ARCHIVE && ++this.archives > 1) this.reject(new Error('tablespaces are not copied'));
    if (chunk[0] === MANIFEST) this.inManifest = true;
    if (chunk[0] !== DATA || this.inManifest) return;
    // The parser reuses its buffer: what is written later must be a copy.
    if (this.file.write(Buffer.from(chunk.subarray(1)))) return;
    this.waitForDrain(connection);
  }

  /** One read from the socket holds many messages, so this is asked again while already waiting. */
  private waitForDrain({ stream }: Wire): void {
    if (this.draining) return;
    this.draining = true;
    stream.pause();
    this.file.once('drain', () => {
      this.draining = false;
      // A slow disk is no dead link.
      this.lastByteAt = Date.now();
      stream.resume();
    });
  }

  handleError(error: Error): void {
    this.reject(error);
  }

  handleReadyForQuery(): void {
    this.resolve();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}
