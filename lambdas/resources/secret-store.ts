import { randomBytes } from 'node:crypto';
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { guarded, localCalls } from '../kit/clients.ts';

/** What a clean room's database is opened with: Lifeboat's own login as `Postgres` reads it, and the application's new passwords by role. */
const cleanSecret = z.object({ username: z.string(), password: z.string(), applicationPasswords: z.record(z.string(), z.string()) });
export type CleanSecret = z.infer<typeof cleanSecret>;
const login = cleanSecret.pick({ username: true, password: true });
export type Login = z.infer<typeof login>;

/** What a write to the copy of another region's secret is answered with, under more than one error's name. */
const REPLICA = /replica secret/i;

/** Letters and digits alone: they need no quoting in any connection string. */
export const newPassword = (): string => randomBytes(24).toString('base64url').replaceAll(/[-_]/g, 'x');

/** Secrets of one region. Values pass through the function's memory and nowhere else. */
export class SecretStore {
  private readonly secrets: SecretsManagerClient;

  constructor(readonly region: string) {
    this.secrets = guarded(new SecretsManagerClient({ region, ...localCalls }));
  }

  /** Keeps a value under a name, unless one is kept there already: what an earlier try has set is what counts. */
  async keepNew(name: string, value: CleanSecret, kmsKeyId: string, tags: Record<string, string>): Promise<CleanSecret> {
    try {
      const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      await this.secrets.send(new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value), KmsKeyId: kmsKeyId, Tags }));
      return value;
    } catch (error) {
      if (!(error instanceof ResourceExistsException)) throw error;
      return this.read(name);
    }
  }

  async read(name: string): Promise<CleanSecret> {
    const { SecretString } = await this.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    return cleanSecret.parse(JSON.parse(SecretString ?? 'null'));
  }

  /** The name of the login that a secret holds. */
  async usernameIn(name: string): Promise<string> {
    const { SecretString } = await this.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    return z.object({ username: z.string() }).parse(JSON.parse(SecretString ?? 'null')).username;
  }

  async holds(name: string, { username, password }: Login): Promise<boolean> {
    const { SecretString } = await this.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    const { data } = login.safeParse(JSON.parse(SecretString ?? 'null'));
    return data?.username === username && data.password === password;
  }

  /** Replaces the login that a secret holds; `replica` where only its primary's region may, and its replication has not brought it here. */
  async replace(name: string, { username, password }: Login): Promise<'held' | 'replica'> {
    // Asked again and again, each write would leave a version.
    if (await this.holds(name, { username, password })) return 'held';
    try {
      await this.secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify({ username, password }) }));
      return 'held';
    } catch (error) {
      if (error instanceof SecretsManagerServiceException && REPLICA.test(error.message)) return 'replica';
      throw error;
    }
  }
}
