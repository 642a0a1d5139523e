import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { Alarm, type AlarmWords } from './alarm.ts';
import type { Foundation } from './foundation.ts';
import { WorkloadAlarm } from './workload-alarm.ts';

/** ± 30 % of the mean of the week before. */
const ODD_SIZE = 0.3;
/** The watch speaks each minute: three rounds that agree, or are silent. */
const ROUNDS = 3;
/** Part of the quota of manual snapshots from which people are told. */
const SNAPSHOTS_NEARLY_FULL = 0.8;
/** A run over many databases fills the room for copies, as it should; it does not do so for this long. */
const COPIES_FULL_MINUTES = 60;

/** What `watch-backups` says each minute, as alarms: for each workload with a policy, and for the region's quotas. */
export class BackupAlarms extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
  ) {
    super(scope, id);
    for (const { name, databases } of foundation.environment.workloads) {
      if (databases.some(({ backup }) => backup)) this.ofWorkload(name);
      const bounds = databases.flatMap(({ backup }) => backup?.replicatedAutomatedBackups?.alarmAfterMinutes ?? []);
      if (bounds.length > 0) this.ofReplication(name, Math.min(...bounds));
    }
    this.ofQuotas();
  }

  private ofWorkload(workload: string): void {
    this.ofOne(workload, 'backup-late', {
      metricName: 'BackupLate',
      impact: `A recovery point of '${workload}' that should be complete is not: more would be lost than its policy allows.`,
      runbook: 'Backup late',
      notCovered: 'a recovery point that is complete but cannot be used, which the verification finds',
    });
    this.ofOne(workload, 'backup-copy-late', {
      metricName: 'BackupCopyLate',
      impact: `A snapshot of '${workload}' has no copy in the other site, or in the vault, in time: the loss of this region, or of this account, would take it along.`,
      runbook: 'Backup copy late',
      notCovered: 'snapshots that were never taken, which are late',
    });
    this.ofOne(workload, 'backup-unverified', {
      metricName: 'BackupUnverified',
      impact: `No recovery point of '${workload}' was proven by a restore for longer than its policy allows.`,
      runbook: 'Backup unverified',
      notCovered: 'what has changed since the newest proof',
    });
    this.ofProofs(workload);
    this.ofOne(workload, 'backup-size', {
      metricName: 'BackupSizeDeviation',
      threshold: ODD_SIZE,
      impact: `Warning: the newest recovery point of '${workload}' is 30 % or more larger or smaller than the mean of the week before: data may have been lost or poured in.`,
      runbook: 'Backup size odd',
      notCovered: 'changes that leave the size as it is',
    });
  }

  /** The strictest bound of its databases, for they come back together. */
  private ofReplication(workload: string, minutes: number): void {
    this.ofOne(workload, 'backup-replication-lag', {
      metricName: 'BackupReplicationLag',
      threshold: minutes * 60,
      impact: `The automated backups of '${workload}' do not reach the other site in time: there it could be restored to older moments only.`,
      runbook: 'Backup replication lag',
      notCovered: 'whether what arrives can be restored, which the proofs of snapshots tell',
    });
  }

  private ofProofs(workload: string): void {
    for (const [proof, metricName, what] of [
      ['daily', 'DailyProofOverdue', 'A new recovery point was not restored and checked within a day'],
      ['weekly', 'WeeklyProofOverdue', 'No full restore of a recovery point succeeded this week'],
      ['monthly', 'MonthlyProofOverdue', 'No restore from the copy in the other region succeeded this month'],
    ] as const) {
      this.ofOne(workload, `proof-${proof}-overdue`, {
        metricName,
        impact: `${what} ('${workload}'): whether it can be restored is a hope.`,
        runbook: 'Proof overdue',
        notCovered: 'proofs that ran and failed, which have their own alarm',
      });
    }
  }

  /** The watch speaks in every round, and its silence means that nobody knows. */
  private ofOne(workload: string, suffix: string, props: AlarmWords & { metricName: string; threshold?: number }): void {
    new WorkloadAlarm(this.foundation, { workload, suffix, evaluationPeriods: ROUNDS, missing: 'breaching', ...props });
  }

  private ofQuotas(): void {
    this.ofRegion('snapshot-quota', {
      metricName: 'SnapshotQuotaUsed',
      threshold: SNAPSHOTS_NEARLY_FULL,
      impact: "Four fifths of this region's quota of manual snapshots are used: at the limit new recovery points wait, and then are late.",
      runbook: 'Snapshot quota nearly full',
      notCovered: 'the quota of storage, and those of the account that the copies to another account go to',
    });
    this.ofRegion('copy-quota', {
      metricName: 'CopyQuotaUsed',
      threshold: 1,
      evaluationPeriods: COPIES_FULL_MINUTES,
      impact: 'As many copies as RDS allows have been on their way to this region for an hour: others wait, and may be late.',
      runbook: 'Copy quota full',
      notCovered: 'copies that others in this account make, which take the same room',
    });
  }

  private ofRegion(suffix: string, props: AlarmWords & { metricName: string; threshold: number; evaluationPeriods?: number }): void {
    const { environment, names, notification } = this.foundation;
    const { metricName, evaluationPeriods = ROUNDS, ...rest } = props;
    new Alarm(this, suffix, {
      name: `${names.prefix}-${suffix}`,
      metric: new Metric({
        namespace: 'Lifeboat',
        metricName,
        dimensionsMap: { Environment: environment.name },
        statistic: 'Maximum',
        period: Duration.minutes(1),
      }),
      evaluationPeriods,
      missing: 'breaching', // as for a workload
      topic: notification.topic,
      ...rest,
    });
  }
}
