import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Region } from '../../types.ts';
import type { Drill } from '../drill.ts';
import { asPerson } from '../person.ts';

/** The secret of Lifeboat's login, as the user keeps it. */
const SecretId = 'orders/database';

/** Somebody rotates the secret and not the database: who reads it from now on cannot log in. Returns what puts it right. */
export async function rotateSecretAlone(drill: Drill, region: Region): Promise<() => Promise<void>> {
  const { lab } = drill;
  const settings = asPerson(lab, region);
  const put = async (SecretString: string): Promise<void> => {
    const client = new SecretsManagerClient(settings);
    await client.send(new PutSecretValueCommand({ SecretId, SecretString })).finally(() => client.destroy());
  };
  const client = new SecretsManagerClient(settings);
  const { SecretString: right = '{}' } = await client.send(new GetSecretValueCommand({ SecretId })).finally(() => client.destroy());
  await put(JSON.stringify({ ...JSON.parse(right), password: 'a-password-of-tomorrow' }));
  return () => put(right);
}
