import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  type DBSnapshot,
  DBSnapshotAlreadyExistsFault,
  DBSnapshotNotFoundFault,
  DeleteDBSnapshotCommand,
  InvalidDBInstanceStateFault,
  InvalidDBSnapshotStateFault,
  KMSKeyNotAccessibleFault,
  ModifyDBSnapshotAttributeCommand,
  paginateDescribeDBSnapshots,
  RDSClient,
  type RDSClientConfig,
  SnapshotQuotaExceededFault,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls, singleCalls } from '../kit/clients.ts';
import { classify, messageOf, Transient } from '../kit/errors.ts';

/** A snapshot of Lifeboat's own making, in one region. */
export interface Snapshot {
  id: string;
  arn: string;
  /** The instance it was taken of, wherever the snapshot is now. */
  instance: string;
  status: 'available' | 'creating' | 'failed' | 'unknown';
  completedAt?: string;
  /** When the first of its copies was asked for. AWS, RDS API reference, 'DBSnapshot', OriginalSnapshotCreateTime, 2026-11. */
  takenAt?: string;
  engine: string;
  engineVersion: string;
  allocatedGb: number;
  encrypted: boolean;
  kmsKeyId?: string;
  /** It is a copy on its way: counts against the quota of copies in progress. */
  copying: boolean;
  tags: Record<string, string>;
}

/** `asked`: RDS works on it. `wait`: not now, for a reason that passes. `refused`: never, for this reason. */
export type Answer = { kind: 'asked' } | { kind: 'wait'; because: string } | { kind: 'refused'; because: string };

/** Who may be waited for: another operation on the instance or snapshot, or room in a quota. */
const PASSING = [InvalidDBInstanceStateFault, InvalidDBSnapshotStateFault, SnapshotQuotaExceededFault];

/** Copies in progress that RDS allows for each destination region and account. AWS, RDS user guide, 'Limits', 2026-11. */
export const COPIES_AT_ONCE = 20;

export const OWNER_TAG = 'lifeboat:environment';

/** Manual snapshots of one region that Lifeboat made for one environment. Read by listing, tags included: never one by one. */
export class RdsSnapshots {
  private readonly rds: RDSClient;
  private readonly deleting: RDSClient;

  /** `credentials` are those of a role in another account; left out, the function's own. */
  constructor(
    readonly region: string,
    private readonly environment: string,
    credentials?: RDSClientConfig['credentials'],
  ) {
    this.rds = guarded(new RDSClient({ region, credentials, ...localCalls }));
    this.deleting = guarded(new RDSClient({ region, credentials, ...singleCalls }));
  }

  /** Whose name and tags both say that Lifeboat made them; no other is seen by anything here. */
  async list(): Promise<Map<string, Snapshot>> {
    const found = new Map<string, Snapshot>();
    for await (const page of paginateDescribeDBSnapshots({ client: this.rds, pageSize: 100 }, { SnapshotType: 'manual' })) {
      for (const snapshot of page.DBSnapshots ?? []) {
        const read = readSnapshot(snapshot);
        if (read.id.startsWith(`lifeboat-${this.environment}-`) && read.tags[OWNER_TAG] === this.environment) found.set(read.id, read);
      }
    }
    return found;
  }

  take(instance: string, id: string, tags: Record<string, string>): Promise<Answer> {
    const command = { DBInstanceIdentifier: instance, DBSnapshotIdentifier: id, Tags: tagList(this.environment, tags) };
    return answerOf(this.rds.send(new CreateDBSnapshotCommand(command)));
  }

  /** Pulls a snapshot of another region, or one that another account shares, to this place, under a key of this place. */
  copyFrom(source: Snapshot, kmsKeyId: string): Promise<Answer> {
    return answerOf(
      this.rds.send(
        new CopyDBSnapshotCommand({
          SourceDBSnapshotIdentifier: source.arn,
          TargetDBSnapshotIdentifier: source.id,
          KmsKeyId: kmsKeyId,
          Tags: tagList(this.environment, source.tags),
        }),
      ),
    );
  }

  /** Lets another account copy it. It stays so until it is deleted: that account has a copy of its own by then. */
  async share(id: string, account: string): Promise<void> {
    const command = { DBSnapshotIdentifier: id, AttributeName: 'restore', ValuesToAdd: [account] };
    await this.rds.send(new ModifyDBSnapshotAttributeCommand(command));
  }

  /** A copy within the region, under another name and another key. */
  copyAs(source: Snapshot, id: string, kmsKeyId: string, tags: Record<string, string>): Promise<Answer> {
    const command = { SourceDBSnapshotIdentifier: source.arn, TargetDBSnapshotIdentifier: id, KmsKeyId: kmsKeyId };
    return answerOf(this.rds.send(new CopyDBSnapshotCommand({ ...command, Tags: tagList(this.environment, tags) })));
  }

  /** A snapshot that is gone already is what was wanted. Asked once: IAM judges by the snapshot's tags, and one that a lost answer has deleted has none. */
  async remove(id: string): Promise<void> {
    try {
      await this.deleting.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: id }));
    } catch (error) {
      if (!(error instanceof DBSnapshotNotFoundFault)) throw error;
    }
  }
}

/** Only a request that RDS did not take can be told apart here; what becomes of one that it took is in the next listing. */
const answerOf = async (request: Promise<unknown>): Promise<Answer> => {
  try {
    await request;
    return { kind: 'asked' };
  } catch (error) {
    if (error instanceof DBSnapshotAlreadyExistsFault) return { kind: 'asked' };
    const because = messageOf(error);
    if (PASSING.some((fault) => error instanceof fault) || classify(error) instanceof Transient) return { kind: 'wait', because };
    if (error instanceof KMSKeyNotAccessibleFault || isClientFault(error)) return { kind: 'refused', because };
    throw error;
  }
};

const isClientFault = (error: unknown): boolean => {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
  return status >= 400 && status < 500;
};

/** Tags of AWS's own, as CloudFormation's of an instance that hands its tags on, may stand on a snapshot and in no request: RDS refuses all of it. */
const OF_AWS = /^aws:/i;

const tagList = (environment: string, tags: Record<string, string>) =>
  Object.entries({ ...tags, [OWNER_TAG]: environment })
    .filter(([key]) => !OF_AWS.test(key))
    .map(([Key, Value]) => ({ Key, Value }));

const readSnapshot = (snapshot: DBSnapshot): Snapshot => ({
  id: snapshot.DBSnapshotIdentifier ?? '',
  arn: snapshot.DBSnapshotArn ?? '',
  instance: snapshot.DBInstanceIdentifier ?? '',
  status: statusOf(snapshot.Status),
  completedAt: snapshot.SnapshotCreateTime?.toISOString(),
  takenAt: snapshot.OriginalSnapshotCreateTime?.toISOString(),
  engine: snapshot.Engine ?? 'unknown',
  engineVersion: snapshot.EngineVersion ?? 'unknown',
  allocatedGb: snapshot.AllocatedStorage ?? 0,
  encrypted: snapshot.Encrypted ?? false,
  kmsKeyId: snapshot.KmsKeyId,
  copying: snapshot.SourceDBSnapshotIdentifier !== undefined && statusOf(snapshot.Status) === 'creating',
  tags: Object.fromEntries((snapshot.TagList ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
});

const statusOf = (status: string | undefined): Snapshot['status'] => {
  switch (status) {
    case 'available':
      return 'available';
    case 'creating':
    case 'copying':
    case 'pending':
      return 'creating';
    case 'failed':
    case 'incompatible-restore':
      return 'failed';
    default:
      return 'unknown';
  }
};
