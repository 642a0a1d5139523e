import { Construct } from 'constructs';
import { policiesOf } from './backup.ts';
import type { Foundation } from './foundation.ts';
import { appended, type MachineStep, wakingSeconds } from './machine-step.ts';
import { INSPECT_TIMEOUT_SECONDS, machineSteps } from './restore-steps.ts';
import { EveryMinute } from './schedule.ts';
import { Machine } from './state-machine.ts';
import { Step } from './step.ts';
import { pascalName, type StepName } from './steps.ts';

/** A restore is an outage: what more memory saves is worth more than what it costs. */
const MEMORY_MB = 512;
const ANSWER_SECONDS = 600;
/** The guard's next rounds, and a start of its loop that comes as late as the scheduler may. */
const GUARD_SECONDS = 180;

/** As `lambdas/restore/restoring.ts` says it to the person who is asked. */
const CUT_OVER_SECONDS = 8 * 3_600;

/** A site's means to restore a database, beside what is there or in its place: the machine, started by people, and its janitor. */
export class Restore extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly foundation: Foundation,
    definitions: string,
  ) {
    super(scope, id);
    const policies = policiesOf(foundation.environment);
    const longest = (read: (policy: (typeof policies)[number]) => number) => Math.max(...policies.map(read)) * 60;
    const waits = {
      StopWrites: GUARD_SECONDS,
      SnapshotCurrent: longest(({ snapshotTimeoutMinutes }) => snapshotTimeoutMinutes),
      CopyUnderCleanKey: longest(({ copyTimeoutMinutes }) => copyTimeoutMinutes),
      RestoreDatabase: longest(({ verification }) => verification.restoreTimeoutMinutes),
      PutSettingsBack: longest(({ restore }) => restore.changeTimeoutMinutes),
      InspectRestored: ANSWER_SECONDS,
      RenewCredentials: ANSWER_SECONDS,
      InspectClean: ANSWER_SECONDS,
      AdmitClean: longest(({ restore }) => restore.changeTimeoutMinutes),
      CloseCopy: ANSWER_SECONDS,
      SetOldAside: longest(({ restore }) => restore.renameTimeoutMinutes),
      PutInPlace: longest(({ restore }) => restore.renameTimeoutMinutes),
      HandOver: GUARD_SECONDS,
      VerifyWrites: ANSWER_SECONDS,
    };
    // Each try takes time beside its wait, at most as much again.
    const waiting = 2 * Object.values(waits).reduce((sum, seconds) => sum + seconds, 0) + wakingSeconds(machineSteps);
    const runSeconds = waiting + 4 * INSPECT_TIMEOUT_SECONDS + CUT_OVER_SECONDS;
    new Machine(this, 'Machine', foundation, {
      name: 'restore',
      definitions,
      steps: this.createMachineSteps(runSeconds),
      numbers: { RunTimeoutSeconds: runSeconds, CutOverTimeoutSeconds: CUT_OVER_SECONDS },
      waits,
      alarms: {
        failed: {
          impact:
            'A restore did not end well. Beside: what was restored is not checked, or not as it was. In place: the old database serves on, or, half-way, nobody writes until its incident is gone on with.',
          runbook: 'Restore run failed',
          notCovered: 'restores that nobody started',
        },
        timedOut: {
          impact:
            'A restore outlived its bound and was stopped: what it restored may be there, unchecked; in place, the workload may be closed.',
          runbook: 'Restore run timed out',
          notCovered: 'restores that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a restore: what it restored may be there, unchecked; in place, the workload may be closed.',
          runbook: 'Restore run aborted',
          notCovered: 'restores that gave up by themselves',
        },
      },
    });
    this.createJanitor();
  }

  private createMachineSteps(runSeconds: number): Record<string, Step> {
    const { rights, names, region } = this.foundation;
    const evidence = { LIFEBOAT_EVIDENCE_BUCKET: names.evidenceBucket(region) };
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    const create = (step: StepName, { needs, incident = appended, savesRecord, asksMachine, ...props }: MachineStep) =>
      new Step(this, this.foundation, {
        step,
        memoryMb: MEMORY_MB,
        ...props,
        rights: [incident(rights), ...needs(rights)],
        variables: {
          ...(savesRecord && evidence),
          ...(asksMachine && { ...this.machineVariable, LIFEBOAT_RUN_SECONDS: String(runSeconds) }),
        },
      });
    return Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)]));
  }

  /** Its ARN as text: a reference would make the machine wait for its own steps, and they for it. */
  private get machineVariable(): Record<string, string> {
    const { names, region } = this.foundation;
    return { LIFEBOAT_MACHINE_ARN: names.arn('states', region, `stateMachine:${names.machine('restore')}`) };
  }

  private createJanitor(): void {
    const { rights } = this.foundation;
    const sweep = new Step(this, this.foundation, {
      step: 'restore/sweep-restores',
      description: 'Frees what dead restores hold; removes what restores replaced when its day is over, and tells',
      timeoutSeconds: 60,
      memoryMb: MEMORY_MB,
      usesKey: true,
      asynchronous: { retries: 0, maxAgeSeconds: 60 },
      variables: this.machineVariable,
      rights: [
        rights.readLedger(),
        rights.updateLedger('lease'),
        rights.describeExecutions('restore'),
        rights.listInstances(),
        rights.listSnapshots(),
        rights.deleteReplaced(),
        rights.publish(),
      ],
    });
    new EveryMinute(this, 'SweepSchedule', this.foundation, sweep);
  }
}
