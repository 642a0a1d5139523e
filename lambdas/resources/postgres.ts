import { setTimeout as after } from 'node:timers/promises';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import { z } from 'zod';
import { guarded, localCalls } from '../kit/clients.ts';
import { NotReady } from '../kit/errors.ts';

const CONNECT_TIMEOUT_MS = 2_000;
const QUERY_TIMEOUT_MS = 4_000;
const CLOSE_TIMEOUT_MS = 500;
/** The server ends a long query first, and says so; the connection stays usable. */
const SERVER_FIRST_MS = 1_000;
/** So long who knows an older answer waits for a newer one: a round of the guard has its deadline. */
const ANSWER_WITHIN_MS = 1_000;
const credentials = z.object({ username: z.string(), password: z.string() });
export type Login = z.infer<typeof credentials>;

/** What a control plane has said, kept while it works: whoever has it can do without that control plane. */
export class Remembered<T> {
  /** May be a secret: shown to nobody who looks at the object. */
  #value?: T;
  private isDoubted = false;
  private asking?: Promise<T | undefined>;

  /** Asks where nothing is known, or that is in doubt; what was known is gone on with when no answer comes, or none in time. */
  async read(ask: () => Promise<T | undefined>): Promise<T | undefined> {
    const known = this.#value;
    if (known !== undefined && !this.isDoubted) return known;
    this.asking ??= this.renew(ask).finally(() => {
      this.asking = undefined;
    });
    if (known === undefined) return this.asking;
    return Promise.race([this.asking.catch(() => known), after(ANSWER_WITHIN_MS, known, { ref: false })]);
  }

  /** It did not work just now. */
  doubt(): void {
    this.isDoubted = true;
  }

  private async renew(ask: () => Promise<T | undefined>): Promise<T | undefined> {
    this.#value = await ask();
    this.isDoubted = false;
    return this.#value;
  }
}

export interface PostgresOptions {
  /** Looked up at each connection that has no address yet. */
  host: () => Promise<string>;
  port: number;
  databaseName: string;
  secret: string;
  tls: boolean;
  /** Whose certificate the server must show, where `host` is the near end of a tunnel to it. */
  verifyAs?: string;
  /** Bound of one query, where the usual one is too short. */
  queryTimeoutMs?: number;
  /** Where the login is kept for longer than this object lives. */
  login?: Remembered<Login>;
}

/** Names without a schema are PostgreSQL's own: who may make functions and operators in `public` must not be called as Lifeboat. */
export const OWN_NAMES_ONLY = '-c search_path=pg_catalog';

/**
 * SQL as Lifeboat's own role. A connection lives for one piece of work; connecting, each query and the secret have their bounds. Tables,
 * types and functions that are not PostgreSQL's own need their schema.
 */
export class Postgres {
  private readonly secrets = guarded(new SecretsManagerClient(localCalls));
  private readonly login: Remembered<Login>;
  private isSchemaOurs = false;

  constructor(private readonly options: PostgresOptions) {
    this.login = options.login ?? new Remembered();
  }

  /** @throws NotReady when the server cannot be reached, with the reason; errors of the SQL itself pass through. */
  async with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.connect();
    try {
      if (!this.isSchemaOurs) await requireOwnSchema(client);
      this.isSchemaOurs = true;
      return await work(client);
    } finally {
      await close(client);
    }
  }

  /** A login that the server refuses may have been rotated since it was read. */
  private async connect(): Promise<pg.Client> {
    const login = await this.readLogin();
    const host = await this.options.host();
    try {
      return await this.open(host, login);
    } catch (error) {
      if (!isRefusedLogin(error)) throw error;
      this.login.doubt();
      const now = await this.readLogin();
      if (now.username !== login.username || now.password !== login.password) return this.open(host, now);
      this.login.doubt();
      throw error;
    }
  }

  private async open(host: string, { username, password }: Login): Promise<pg.Client> {
    const { port, databaseName, tls, verifyAs = host, queryTimeoutMs = QUERY_TIMEOUT_MS } = this.options;
    const isOf = (_: string, certificate: PeerCertificate) => checkServerIdentity(verifyAs, certificate);
    const client = new pg.Client({
      host,
      port,
      database: databaseName,
      user: username,
      password,
      application_name: 'lifeboat',
      options: OWN_NAMES_ONLY,
      ssl: tls ? { rejectUnauthorized: true, checkServerIdentity: isOf } : false,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: queryTimeoutMs + (this.options.queryTimeoutMs ? SERVER_FIRST_MS : 0),
      statement_timeout: queryTimeoutMs,
    }); // prettier-ignore
    // A connection that breaks later rejects its query; without a listener the same error would end the process.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      throw new NotReady(`cannot connect to ${host}: ${(error as Error).message}`, { cause: error });
    }
  }

  private async readLogin(): Promise<Login> {
    return (await this.login.read(() => this.readSecret()))!;
  }

  private async readSecret(): Promise<Login> {
    const { SecretString } = await this.secrets.send(new GetSecretValueCommand({ SecretId: this.options.secret }));
    const parsed = credentials.safeParse(JSON.parse(SecretString ?? 'null'));
    if (parsed.success) return parsed.data;
    throw new Error(`secret '${this.options.secret}' must hold {"username", "password"}`);
  }
}

/**
 * Whoever owns the schema has triggers and functions there run as Lifeboat; who may make roles needs no such detour. Once it is Lifeboat's
 * it stays so.
 * @throws NotReady when one of the workload made it before Lifeboat did, or was given it.
 */
const requireOwnSchema = async (client: pg.Client): Promise<void> => {
  const { rows } = await client.query<{ owner: string }>(`
    SELECT o.rolname AS owner FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner
    WHERE n.nspname = 'lifeboat' AND o.rolname <> current_user AND NOT (o.rolsuper OR o.rolcreaterole)`);
  if (rows[0])
    throw new NotReady(
      `schema lifeboat belongs to '${rows[0].owner}', not to Lifeboat's login: look who made what is in it, then ALTER SCHEMA lifeboat OWNER TO that login`,
    );
};

/** SQLSTATE class 28: invalid authorization. */
const isRefusedLogin = (error: unknown): boolean => String(((error as Error).cause as { code?: unknown })?.code).startsWith('28');

/** Says good-bye; a server that is cut off never answers that, so the socket is dropped after a moment. */
const close = async (client: pg.Client): Promise<void> => {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  const drop = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS);
  await client.end().catch(() => undefined);
  clearTimeout(drop);
};
