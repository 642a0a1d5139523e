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
const credentials = z.object({ username: z.string(), password: z.string() });

export interface PostgresOptions {
  /** Looked up at each connection that has no address yet. */
  host: () => Promise<string>;
  port: number;
  databaseName: string;
  secret: string;
  tls: boolean;
  /** Bound of one query, where the usual one is too short. */
  queryTimeoutMs?: number;
}

/** SQL as Lifeboat's own role. A connection lives for one piece of work; connecting, each query and the secret have their bounds. */
export class Postgres {
  private readonly secrets = guarded(new SecretsManagerClient(localCalls));
  private login?: Promise<z.infer<typeof credentials>>;

  constructor(private readonly options: PostgresOptions) {}

  /** @throws NotReady when the server cannot be reached, with the reason; errors of the SQL itself pass through. */
  async with<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = await this.connect();
    try {
      return await work(client);
    } finally {
      await close(client);
    }
  }

  private async connect(): Promise<pg.Client> {
    const { port, databaseName, tls, queryTimeoutMs = QUERY_TIMEOUT_MS } = this.options;
    this.login ??= this.readSecret();
    const { username, password } = await this.login.catch((error: unknown) => {
      this.login = undefined;
      throw error;
    });
    const host = await this.options.host();
    const client = new pg.Client({
      host,
      port,
      database: databaseName,
      user: username,
      password,
      application_name: 'lifeboat',
      ssl: tls ? { rejectUnauthorized: true } : false,
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
      this.login = undefined; // the secret may have been rotated
      throw new NotReady(`cannot connect to ${host}: ${(error as Error).message}`, { cause: error });
    }
  }

  private async readSecret(): Promise<z.infer<typeof credentials>> {
    const { SecretString } = await this.secrets.send(new GetSecretValueCommand({ SecretId: this.options.secret }));
    const parsed = credentials.safeParse(JSON.parse(SecretString ?? 'null'));
    if (parsed.success) return parsed.data;
    throw new Error(`secret '${this.options.secret}' must hold {"username", "password"}`);
  }
}

/** Says good-bye; a server that is cut off never answers that, so the socket is dropped after a moment. */
const close = async (client: pg.Client): Promise<void> => {
  const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
  const drop = setTimeout(() => stream.destroy(), CLOSE_TIMEOUT_MS);
  await client.end().catch(() => undefined);
  clearTimeout(drop);
};
