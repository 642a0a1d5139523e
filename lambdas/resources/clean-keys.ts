import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { guarded, localCalls } from '../kit/clients.ts';

/** Keys that nobody had a right to before they were made. */
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
