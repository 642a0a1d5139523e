import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { guarded, localCalls } from '../kit/clients.ts';
import { type Environment, partitionOf } from '../kit/plan.ts';
import { RdsSnapshots } from './rds-snapshots.ts';

/** Longer than one invocation lasts; each one that needs it asks again. */
const SESSION_SECONDS = 900;

/** The role of the vault's account that may copy there, and its key, by the name that its own stack gives them. */
const vaultName = ({ name }: Environment): string => `lifeboat-${name}-vault`;

/** The key under which the vault keeps its copies: its own, so that who takes ours away takes nothing away from it. */
export const vaultKeyOf = (plan: Environment): string => `alias/${vaultName(plan)}`;

/** The snapshots of the vault's account in a region, as its role lets us list and make them. There is no right to delete one. */
export const vaultSnapshots = (plan: Environment, account: string, region: string): RdsSnapshots => {
  const sts = guarded(new STSClient(localCalls));
  const credentials = async () => {
    const { Credentials } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:${partitionOf(region)}:iam::${account}:role/${vaultName(plan)}`,
        RoleSessionName: `lifeboat-${plan.name}`,
        ExternalId: vaultName(plan),
        DurationSeconds: SESSION_SECONDS,
      }),
    );
    if (!Credentials?.AccessKeyId || !Credentials.SecretAccessKey) throw new Error(`the role of vault ${account} gave no credentials`);
    const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: expiration } = Credentials;
    return { accessKeyId, secretAccessKey, sessionToken, expiration };
  };
  return new RdsSnapshots(region, plan.name, credentials);
};
