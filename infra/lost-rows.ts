import { RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import { accept } from './nag.ts';
import { EveryMinute } from './schedule.ts';
import { Step } from './step.ts';

/** Whole tables are read: as long as a function may run. */
const TIMEOUT_SECONDS = 900;
/** A part of 8 MB in memory, as text, as lines and on its way out. */
const MEMORY_MB = 512;

/**
 * Where rows of a former writer go that its successor never had. They are the workload's data: a bucket and a key of their own, which one
 * step writes with and none reads with; who may read is the account's to decide.
 */
export class LostRows extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, foundation: Foundation) {
    super(scope, id);
    const { names, region, environment, rights } = foundation;
    const encryptionKey = new Key(this, 'Key', {
      alias: `${names.prefix}-lost-rows`,
      description: `Lifeboat ${environment.name}: rows of former writers that exist nowhere else`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.bucket = new Bucket(this, 'Bucket', {
      bucketName: names.lostRowsBucket(region),
      versioned: true,
      encryption: BucketEncryption.KMS,
      encryptionKey,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN, // nothing is dropped silently
    });
    accept(
      this.bucket,
      'S1',
      'written by one function, a few objects a move: the data events of CloudTrail are the better record of access',
    );
    const step = new Step(this, foundation, {
      step: 'failover/export-lost-rows',
      description: 'Finds, counts and exports what a former writer has and its successor does not',
      timeoutSeconds: TIMEOUT_SECONDS,
      memoryMb: MEMORY_MB,
      sql: true,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [
        rights.readTimeline(),
        rights.writeLedger('incident'),
        rights.updateLedger('lost-rows'),
        rights.describeFormerWriters(),
        rights.readSecrets(),
        rights.writeLostRows(),
        rights.writeEvidence(),
        rights.publish(),
      ],
      variables: { LIFEBOAT_LOST_ROWS_BUCKET: names.lostRowsBucket(region), LIFEBOAT_EVIDENCE_BUCKET: names.evidenceBucket(region) },
    });
    // To write an object takes no more; no step of ours reads one.
    step.function.role!.addToPrincipalPolicy(new PolicyStatement({ actions: ['kms:GenerateDataKey'], resources: [encryptionKey.keyArn] }));
    new EveryMinute(this, 'Schedule', foundation, step);
  }
}
