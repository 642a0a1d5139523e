import {
  type DBInstanceAutomatedBackup,
  DBInstanceAutomatedBackupQuotaExceededFault,
  DBInstanceNotFoundFault,
  InvalidDBInstanceAutomatedBackupStateFault,
  InvalidDBInstanceStateFault,
  paginateDescribeDBInstanceAutomatedBackups,
  RDSClient,
  StartDBInstanceAutomatedBackupsReplicationCommand,
} from '@aws-sdk/client-rds'; // prettier-ignore
import { guarded, localCalls } from '../kit/clients.ts';
import { classify, messageOf, Transient } from '../kit/errors.ts';
import type { Answer } from './rds-snapshots.ts';

/** Backups of an instance that RDS keeps by itself, with the log between them: any second of the window can be restored. */
export interface AutomatedBackup {
  arn: string;
  /** Of the instance that they are of, which may stand in another region. */
  instanceArn: string;
  /** RDS's own word. `retained`: nothing comes any more, and what is there goes with its retention. */
  status: string;
  /** The ends of the window, ISO 8601 UTC; nothing while there is none yet. */
  earliestAt?: string;
  latestAt?: string;
  retentionDays?: number;
}

/** What may pass by itself: the instance is busy, or has no backups yet, or another replication gives its room back. */
const PASSING = [
  InvalidDBInstanceStateFault,
  InvalidDBInstanceAutomatedBackupStateFault,
  DBInstanceAutomatedBackupQuotaExceededFault,
  DBInstanceNotFoundFault,
];

/**
 * What has come here of an instance that stands in another region, by the end of its ARN: what reaches furthest. What is
 * `retained` still holds its window, so it counts, too.
 */
export const replicatedOf = (known: readonly AutomatedBackup[], arnEnd: string): AutomatedBackup | undefined =>
  known
    .filter((backup) => backup.instanceArn.endsWith(arnEnd) && backup.latestAt !== undefined)
    .sort((a, b) => Date.parse(b.latestAt!) - Date.parse(a.latestAt!))[0];

/** Automated backups in this function's own region, those that arrive from another region among them. Read by listing. */
export class RdsAutomatedBackups {
  private readonly rds = guarded(new RDSClient(localCalls));

  async list(): Promise<AutomatedBackup[]> {
    const found: AutomatedBackup[] = [];
    for await (const page of paginateDescribeDBInstanceAutomatedBackups({ client: this.rds, pageSize: 100 }, {}))
      found.push(...(page.DBInstanceAutomatedBackups ?? []).map(readBackup));
    return found;
  }

  /** Has RDS bring the backups of another region's instance here from now on, under a key of this region. */
  async replicate(instanceArn: string, { retentionDays, keyArn }: { retentionDays: number; keyArn: string }): Promise<Answer> {
    try {
      await this.rds.send(
        new StartDBInstanceAutomatedBackupsReplicationCommand({
          SourceDBInstanceArn: instanceArn,
          BackupRetentionPeriod: retentionDays,
          KmsKeyId: keyArn,
        }),
      );
      return { kind: 'asked' };
    } catch (error) {
      const because = messageOf(error);
      if (PASSING.some((fault) => error instanceof fault) || classify(error) instanceof Transient) return { kind: 'wait', because };
      return { kind: 'refused', because };
    }
  }
}

const readBackup = (backup: DBInstanceAutomatedBackup): AutomatedBackup => ({
  arn: backup.DBInstanceAutomatedBackupsArn ?? '',
  instanceArn: backup.DBInstanceArn ?? '',
  status: backup.Status ?? 'unknown',
  earliestAt: backup.RestoreWindow?.EarliestTime?.toISOString(),
  latestAt: backup.RestoreWindow?.LatestTime?.toISOString(),
  retentionDays: backup.BackupRetentionPeriod,
});
