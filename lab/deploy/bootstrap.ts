import { BucketAlreadyOwnedByYou, CreateBucketCommand, PutBucketEncryptionCommand, S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Gateway } from '../gateway/gateway.ts';
import type { Region } from '../types.ts';
import { labClient } from './client.ts';

const QUALIFIER = 'hnb659fds';
/** The newest version of the bootstrap stack; apps ask for a minimum. */
const BOOTSTRAP_VERSION = '30';

/**
 * What a deployment finds of `cdk bootstrap` in a region: the bucket for assets and the version in its parameter. The roles are left
 * out, since the lab lets anyone assume any role.
 */
export async function bootstrap(gateway: Gateway, account: string, region: Region): Promise<void> {
  const s3 = new S3Client(labClient(gateway, region, account));
  const ssm = new SSMClient(labClient(gateway, region, account));
  const Bucket = `cdk-${QUALIFIER}-assets-${account}-${region}`;
  try {
    await s3.send(new CreateBucketCommand({ Bucket })).catch((error: Error) => {
      if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
    });
    const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }];
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
    const Name = `/cdk-bootstrap/${QUALIFIER}/version`;
    await ssm.send(new PutParameterCommand({ Name, Value: BOOTSTRAP_VERSION, Type: 'String', Overwrite: true }));
  } finally {
    s3.destroy();
    ssm.destroy();
  }
}
