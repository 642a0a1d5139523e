import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectLockRetention, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import { accept } from './nag.ts';

/** How long a record can be neither changed nor deleted, but by a person with the right to bypass governance. */
const RETENTION_DAYS = 365;

/** Where each incident's record and report are kept. */
export class Evidence extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { names, key, region }: Foundation) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Bucket', {
      bucketName: names.evidenceBucket(region),
      versioned: true,
      encryption: BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(RETENTION_DAYS)),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    accept(
      this.bucket,
      'S1',
      'a few objects per incident, written by two functions: the data events of CloudTrail are the better record of access',
    );
  }
}
