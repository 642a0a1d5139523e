import { Construct } from 'constructs';
import { type BackupPolicy, intervalSeconds, proofNames, proofTimeOf, scheduleOf } from '../environments/backup.ts';
import { POINTS_PER_RUN } from '../environments/run-size.ts';
import { policiesOf } from './backup.ts';
import type { Foundation } from './foundation.ts';
import { wakingSeconds } from './machine-step.ts';
import type { Right, Rights } from './rights.ts';
import { Scheduled } from './schedule.ts';
import { Machine } from './state-machine.ts';
import { Step, type StepProps } from './step.ts';
import { pascalName, type StepName } from './steps.ts';
import { WorkloadAlarm } from './workload-alarm.ts';

interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'isolated' | 'usesKey'> {
  needs: (rights: Rights) => Right[][];
}

const MEMORY_MB = 256;
const ANSWER_SECONDS = 300;
const REMOVAL_SECONDS = 1_800;
/** The checks of one copy fit into it, or are `unknown`. */
const INSPECT_TIMEOUT_SECONDS = 180;
const START_RETRY_MINUTES = 60;
/** Copies that a run restores at once: `MaxConcurrency` of its Map. */
const AT_ONCE = 4;
const DAY_SECONDS = 86_400;

/** New recovery points of a day, which the daily proof is for. */
const pointsADay = (policies: readonly BackupPolicy[]): number =>
  policies.flatMap(({ tiers }) => tiers).reduce((sum, tier) => sum + Math.ceil(DAY_SECONDS / intervalSeconds(tier)), 0);

const machineSteps = {
  'verification/read-verification-request': {
    description: 'Validates the input and chooses the recovery points to prove',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readTimeline()],
  },
  'verification/restore-copy': {
    description: 'Restores a recovery point into the isolated network',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.listSnapshots(), rights.restoreCopies()],
  },
  'verification/inspect-copy': {
    description: 'Reads every page and index of a restored copy, and compares it with what the backup recorded',
    timeoutSeconds: INSPECT_TIMEOUT_SECONDS,
    isolated: true,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.readSecrets()],
  },
  'verification/record-verification': {
    description: 'Writes what was found into the recovery point, tells people',
    timeoutSeconds: 30,
    usesKey: true,
    needs: (rights) => [rights.updateLedger('recovery-point'), rights.putMetrics(), rights.publish()],
  },
  'verification/remove-copy': {
    description: 'Removes the restored copy, whatever was found',
    timeoutSeconds: 30,
    needs: (rights) => [rights.listInstances(), rights.deleteCopies()],
  },
  'verification/close-verification': {
    description: 'Sums up: a run that did not prove every point fails',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readLedger()],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

/** The proof of recovery points: the machine that restores and checks them, its schedules, and the janitor of what it may leave behind. */
export class Verification extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
    definitions: string,
  ) {
    super(scope, id);
    const policies = policiesOf(foundation.environment);
    const waits = {
      RestoreCopy: Math.max(...policies.map(({ verification }) => verification.restoreTimeoutMinutes)) * 60,
      InspectCopy: ANSWER_SECONDS,
      RemoveCopy: REMOVAL_SECONDS,
    };
    const onePoint = 2 * Object.values(waits).reduce((sum, seconds) => sum + seconds, 0) + 6 * INSPECT_TIMEOUT_SECONDS;
    const rounds = Math.ceil(Math.min(POINTS_PER_RUN, pointsADay(policies)) / AT_ONCE);
    new Machine(this, 'Machine', foundation, {
      name: 'verify-backup',
      definitions,
      steps: this.createMachineSteps(),
      numbers: { RunTimeoutSeconds: onePoint * rounds + 600 + wakingSeconds(machineSteps) },
      waits,
      alarms: {
        failed: {
          impact: 'At least one recovery point failed its checks, or could not be checked.',
          runbook: 'Verification run failed',
          notCovered: 'runs that never started, which the age of the newest proof shows',
        },
        timedOut: {
          impact:
            'A verification outlived its bound and was stopped: its recovery points are not proven, and a restored copy may still be there.',
          runbook: 'Verification run timed out',
          notCovered: 'runs that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a verification: its recovery points are not proven, and a restored copy may still be there.',
          runbook: 'Verification run aborted',
          notCovered: 'runs that gave up by themselves',
        },
      },
    });
    this.createSchedules(this.createStarter());
    this.createJanitor();
    this.createAlarms();
  }

  private createMachineSteps(): Record<string, Step> {
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    const create = (step: StepName, { needs, ...props }: MachineStep) =>
      new Step(this, this.foundation, { step, memoryMb: MEMORY_MB, ...props, rights: needs(this.foundation.rights) });
    return Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)]));
  }

  private createStarter(): Step {
    const { rights, names, region } = this.foundation;
    return new Step(this, this.foundation, {
      step: 'verification/start-verification',
      description: 'Turns a schedule into a verification, once',
      timeoutSeconds: 60,
      memoryMb: MEMORY_MB,
      asynchronous: { retries: 2, maxAgeSeconds: START_RETRY_MINUTES * 60 },
      rights: [rights.startExecution('verify-backup'), rights.readLedger()],
      variables: { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('verify-backup')}`) },
    });
  }

  /** One for each time at which a proof of any policy is due. */
  private createSchedules(step: Step): void {
    const { environment, names } = this.foundation;
    const all = policiesOf(environment).flatMap((policy) =>
      proofNames.map((proof) => ({ proof, at: proofTimeOf(policy, proof), timeZone: policy.verification.timeZone })),
    );
    for (const { proof, at, timeZone } of new Map(all.map((each) => [Object.values(each).join(' '), each])).values()) {
      const key = `${proof}-${at.replace(':', '')}-${timeZone.replaceAll(/[^A-Za-z0-9]/g, '-')}`;
      new Scheduled(this, `Schedule-${key}`, this.foundation, {
        step,
        expression: scheduleOf({ every: proof, at }),
        timeZone,
        name: `${names.prefix}-verify-${key}`.slice(0, 64),
        input: { proof, at, timeZone, dueAt: '<aws.scheduler.scheduled-time>' },
        retryMinutes: START_RETRY_MINUTES,
      });
    }
  }

  private createJanitor(): void {
    const { rights } = this.foundation;
    const sweep = new Step(this, this.foundation, {
      step: 'verification/sweep-copies',
      description: 'Removes restored copies whose time is over, and tells',
      timeoutSeconds: 60,
      memoryMb: MEMORY_MB,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      rights: [rights.listInstances(), rights.deleteCopies(), rights.publish()],
    });
    new Scheduled(this, 'SweepSchedule', this.foundation, { step: sweep, expression: 'rate(5 minutes)' });
  }

  private createAlarms(): void {
    for (const { name, databases } of this.foundation.environment.workloads) {
      if (!databases.some(({ backup }) => backup)) continue;
      new WorkloadAlarm(this.foundation, {
        workload: name,
        suffix: 'recovery-point-failed',
        metricName: 'RecoveryPointFailed',
        evaluationPeriods: 1,
        missing: 'notBreaching', // most minutes see no verification
        impact: `A recovery point of '${name}' was restored and cannot be used: what it was to protect has one way back less.`,
        runbook: 'Recovery point failed',
        notCovered: 'recovery points that were not restored yet',
      });
    }
  }
}
