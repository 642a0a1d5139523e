import { Construct } from 'constructs';
import { type BackupPolicy, type BackupTier, scheduleOf } from '../environments/backup.ts';
import type { Environment } from '../environments/schema.ts';
import { BackupAlarms } from './backup-alarms.ts';
import type { Foundation } from './foundation.ts';
import { wakingSeconds } from './machine-step.ts';
import type { Names } from './names.ts';
import type { Right, Rights } from './rights.ts';
import { EveryMinute, Scheduled } from './schedule.ts';
import { Machine } from './state-machine.ts';
import { Step, type StepProps } from './step.ts';
import { pascalName, type StepName } from './steps.ts';

interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'sql' | 'usesKey'> {
  needs: (rights: Rights) => Right[][];
  roleName?: (names: Names, region: string) => string;
}

const MEMORY_MB = 256;
/** A step works on all databases of a run, a page or a batch at a time. */
const BATCH_TIMEOUT_SECONDS = 180;
/** Starts that Scheduler could not deliver are tried again: a recovery point an hour late is better than none. */
const START_RETRY_MINUTES = 60;

/** The machine's steps in their order. */
const machineSteps = {
  'backup/read-backup-request': {
    description: 'Validates the input and names the databases that are active here',
    timeoutSeconds: 20,
    needs: (rights) => [rights.readLedger()],
  },
  'backup/take-manifests': {
    description: 'Reads what each database holds, in numbers and sums',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    sql: true,
    needs: (rights) => [rights.readLedger(), rights.putInLedger('manifest'), rights.listInstances(), rights.readSecrets()],
  },
  'backup/take-snapshots': {
    description: 'Asks for the snapshots, and waits for them by listing',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    needs: (rights) => [rights.listSnapshots(), rights.takeSnapshots()],
  },
  'backup/settle-manifests': {
    description: 'Tells what a restore must show exactly',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    sql: true,
    needs: (rights) => [rights.readLedger(), rights.putInLedger('manifest'), rights.listInstances(), rights.readSecrets()],
  },
  'backup/copy-snapshots': {
    description: 'Copies the snapshots to the other site, and waits for them by listing',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    needs: (rights) => [rights.listSnapshots(), rights.copySnapshots()],
  },
  'backup/record-recovery-points': {
    description: 'Checks the copies and writes the recovery points into the ledger',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    needs: (rights) => [rights.listSnapshots(), rights.listInstances(), rights.readLedger(), rights.writeLedger('recovery-point')],
  },
  'backup/copy-to-account': {
    description: "Shares what the vault is to have, and has it copied by that account's role",
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    roleName: (names, region) => names.copierRole(region),
    needs: (rights) => [rights.listSnapshots(), rights.copyToAccount(), rights.readTimeline(), rights.updateLedger('recovery-point')],
  },
  'backup/prune-recovery-points': {
    description: 'Deletes what retention lets go, and records it',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    needs: (rights) => [
      rights.listSnapshots(),
      rights.readTimeline(),
      rights.writeLedger('recovery-point'),
      rights.putInLedger('past-recovery-point'),
      rights.removeFromLedger('recovery-point'),
      rights.deleteSnapshots(),
    ],
  },
  'backup/close-backup': {
    description: 'Names what is missing, measures, tells people',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    usesKey: true,
    needs: (rights) => [rights.readLedger(), rights.publish(), rights.putMetrics()],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

/** Recovery points of the databases that are active in this site: the machine that takes them, its schedules, and who watches that they come. */
export class Backup extends Construct {
  readonly machine: Machine;

  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
    definitions: string,
  ) {
    super(scope, id);
    const policies = policiesOf(foundation.environment);
    const longest = (read: (policy: BackupPolicy) => number) => Math.max(...policies.map(read)) * 60;
    const waits = {
      TakeManifests: longest(({ snapshotTimeoutMinutes }) => snapshotTimeoutMinutes),
      TakeSnapshots: longest(({ snapshotTimeoutMinutes }) => snapshotTimeoutMinutes),
      SettleManifests: longest(({ snapshotTimeoutMinutes }) => snapshotTimeoutMinutes),
      CopySnapshots: longest(({ copyTimeoutMinutes }) => copyTimeoutMinutes),
      CopyToAccount: longest(({ copyToAccount }) => copyToAccount?.timeoutMinutes ?? 1),
    };
    // Each try takes time beside its wait, at most as much again, and each state once its own timeout with its retries.
    const runTimeout =
      2 * Object.values(waits).reduce((sum, seconds) => sum + seconds, 0) + 10 * BATCH_TIMEOUT_SECONDS + wakingSeconds(machineSteps);
    this.machine = new Machine(this, 'Machine', foundation, {
      name: 'backup',
      definitions,
      steps: this.createMachineSteps(),
      numbers: { RunTimeoutSeconds: runTimeout },
      waits,
      alarms: {
        failed: {
          impact: 'At least one database has no new recovery point, or none in the other site.',
          runbook: 'Backup run failed',
          notCovered: 'runs that never started, which are late',
        },
        timedOut: {
          impact: 'A backup run outlived its bound and was stopped: some of its databases may have no new recovery point.',
          runbook: 'Backup run timed out',
          notCovered: 'runs that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a backup run: some of its databases may have no new recovery point.',
          runbook: 'Backup run aborted',
          notCovered: 'runs that gave up by themselves',
        },
      },
    });
    this.createSchedules(this.createStarter());
    new EveryMinute(this, 'WatchSchedule', foundation, this.createWatch());
    if (policies.some(({ replicatedAutomatedBackups }) => replicatedAutomatedBackups)) this.createReplication();
    new BackupAlarms(this, 'Alarms', foundation);
  }

  private createMachineSteps(): Record<string, Step> {
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    const { names, region, rights } = this.foundation;
    const create = (step: StepName, { needs, roleName, ...props }: MachineStep) =>
      new Step(this, this.foundation, {
        step,
        memoryMb: MEMORY_MB,
        ...props,
        roleName: roleName?.(names, region),
        rights: needs(rights),
      });
    return Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)]));
  }

  private createStarter(): Step {
    const { rights, names, region } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'backup/start-backup',
      description: 'Turns a schedule into a run for what is active here, once',
      timeoutSeconds: 60,
      memoryMb: MEMORY_MB,
      asynchronous: { retries: 2, maxAgeSeconds: START_RETRY_MINUTES * 60 },
      rights: [rights.startExecution('backup'), rights.readLedger()],
      variables: { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('backup')}`) },
    });
  }

  /** One for each time at which a tier of any policy is due, however many databases share it. */
  private createSchedules(step: Step): void {
    const { environment, names } = this.foundation;
    for (const { every, at, timeZone } of distinctTiers(environment)) {
      const key = `${every}-${at.replace(':', '')}-${timeZone.replaceAll(/[^A-Za-z0-9]/g, '-')}`;
      new Scheduled(this, `Schedule-${key}`, this.foundation, {
        step,
        expression: scheduleOf({ every, at }),
        timeZone,
        name: `${names.prefix}-backup-${key}`.slice(0, 64),
        input: { tier: every, at, timeZone, dueAt: '<aws.scheduler.scheduled-time>' },
        retryMinutes: START_RETRY_MINUTES,
      });
    }
  }

  private createReplication(): void {
    const { rights, key } = this.foundation;
    const step = new Step(this, this.foundation, {
      step: 'backup/reconcile-replication',
      description: "Keeps the other site's automated backups coming here, and says how far behind they are",
      timeoutSeconds: 60,
      memoryMb: MEMORY_MB,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [rights.readLedger(), rights.putInLedger('recovery-point'), rights.putMetrics(), rights.replicateAutomatedBackups()],
      variables: { LIFEBOAT_KEY_ARN: key.keyArn },
    });
    new EveryMinute(this, 'ReplicationSchedule', this.foundation, step);
  }

  private createWatch(): Step {
    const { rights } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'backup/watch-backups',
      description: 'Says how late backups, their copies and their proofs are, and how full the quotas',
      timeoutSeconds: BATCH_TIMEOUT_SECONDS,
      memoryMb: MEMORY_MB,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [
        rights.readTimeline(),
        rights.putInLedger('recovery-point'),
        rights.putMetrics(),
        rights.listSnapshots(),
        rights.readRdsQuotas(),
      ],
    });
  }
}

export const policiesOf = ({ workloads }: Environment): BackupPolicy[] =>
  workloads.flatMap(({ databases }) => databases.flatMap(({ backup }) => backup ?? []));

const distinctTiers = (environment: Environment): Pick<BackupTier, 'every' | 'at' | 'timeZone'>[] => {
  const tiers = policiesOf(environment).flatMap(({ tiers: all }) => all);
  return [...new Map(tiers.map((tier) => [`${tier.every} ${tier.at} ${tier.timeZone}`, tier])).values()];
};
