import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { guarded, localCalls } from '../kit/clients.ts';

/** New keys, with the policy that KMS gives a key: rights that name keys one by one do not reach them. */
export class CleanKeys {
  private readonly kms = guarded(new KMSClient(localCalls));

  /** A new key of this account, rotated by nobody yet. Returns its ARN. A second call makes a second key. */
  async make(description: string, tags: Record<string, string>): Promise<string> {
    const Tags = Object.entries(tags).map(([TagKey, TagValue]) => ({ TagKey, TagValue }));
    const { KeyMetadata } = await this.kms.send(new CreateKeyCommand({ Description: description, Tags }));
    if (KeyMetadata?.Arn) return KeyMetadata.Arn;
    throw new Error('KMS made a key and did not say which');
  }
}
