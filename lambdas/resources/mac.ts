import { GenerateMacCommand, KMSClient, KMSInvalidMacException, VerifyMacCommand } from '@aws-sdk/client-kms';
import type { Mac } from '../kit/approval-link.ts';
import { guarded, localCalls } from '../kit/clients.ts';

/** Codes by an HMAC key of KMS, which nobody can read: who may verify cannot sign. */
export const macOf = (keyId: string): Mac => {
  const kms = guarded(new KMSClient(localCalls));
  const request = (message: string) => ({ KeyId: keyId, MacAlgorithm: 'HMAC_SHA_256' as const, Message: Buffer.from(message) });
  return {
    sign: async (message) => Buffer.from((await kms.send(new GenerateMacCommand(request(message)))).Mac!),
    verify: async (message, mac) => {
      try {
        return (await kms.send(new VerifyMacCommand({ ...request(message), Mac: mac }))).MacValid === true;
      } catch (error) {
        if (error instanceof KMSInvalidMacException) return false;
        throw error;
      }
    },
  };
};
