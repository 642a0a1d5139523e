import { Construct } from 'constructs';
import { policiesOf } from './backup.ts';
import type { Foundation } from './foundation.ts';
import { appended, noted, nothing } from './incident-rights.ts';
import type { Right, Rights } from './rights.ts';
import { EveryMinute } from './schedule.ts';
import { Machine } from './state-machine.ts';
import { Step, type StepProps } from './step.ts';
import { pascalName, type StepName } from './steps.ts';

interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'sql' | 'isolated' | 'usesKey'> {
  needs: (rights: Rights) => Right[][];
  /** What it writes into the incident; its own start and end where it is left out. */
  incident?: (rights: Rights) => Right[];
  /** It writes the incident's record into the evidence bucket. */
  savesRecord?: boolean;
  /** It asks whether executions of this machine still run, and must know for how long one may. */
  asksMachine?: boolean;
}

/** A restore is an outage: what more memory saves is worth more than what it costs. */
const MEMORY_MB = 512;
const ANSWER_SECONDS = 600;
const INSPECT_TIMEOUT_SECONDS = 180;
/** A change of settings, and a rename, which restarts the server: AWS gives no figure; planning assumptions. */
const CHANGE_SECONDS = 1_800;
const RENAME_SECONDS = 900;
/** The guard's next rounds, and a start of its loop that comes as late as the scheduler may. */
const GUARD_SECONDS = 180;

/** As `lambdas/restore/restoring.ts` says it to the person who is asked. */
const CUT_OVER_SECONDS = 8 * 3_600;

const machineSteps = {
  'restore/read-restore-request': {
    description: 'Validates the input, chooses the recovery point and says why',
    timeoutSeconds: 30,
    incident: nothing,
    needs: (rights) => [rights.readTimeline(), rights.listInstances(), rights.listAutomatedBackups()],
  },
  'restore/claim-workload': {
    description: 'Claims the workload: one run at a time, failovers included',
    timeoutSeconds: 30,
    asksMachine: true,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease'), rights.listInstances(), rights.describeExecutions('restore')],
  },
  'restore/stop-writes': {
    description: "Lets the site's guard end the workload's writes",
    timeoutSeconds: 20,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease')],
  },
  'restore/snapshot-current': {
    description: 'Keeps what is there, however corrupt',
    timeoutSeconds: 30,
    needs: (rights) => [rights.listInstances(), rights.listSnapshots(), rights.takeSnapshots()],
  },
  'restore/copy-under-clean-key': {
    description: 'Copies the recovery point under a key that nobody had a right to before',
    timeoutSeconds: 30,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.listSnapshots(), rights.copySnapshotsHere(), rights.makeCleanKeys()],
  },
  'restore/restore-database': {
    description: 'Restores beside what is there, with its settings',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.listAutomatedBackups(), rights.restoreBeside()],
  },
  'restore/put-settings-back': {
    description: 'Puts back what a restore cannot be told',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.changeSettings(), rights.putTagsBack()],
  },
  'restore/renew-credentials': {
    description: 'Gives each known login of a clean room a new password, and no other one a login',
    timeoutSeconds: 60,
    isolated: true,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.readSecrets(), rights.keepCleanSecrets()],
  },
  'restore/inspect-clean': {
    description: 'Checks what was restored into a clean room, from inside',
    timeoutSeconds: INSPECT_TIMEOUT_SECONDS,
    isolated: true,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.readCleanSecrets()],
  },
  'restore/ask-cut-over': {
    description: 'Asks a person whether the clean room takes over, with a token that answers',
    timeoutSeconds: 20,
    usesKey: true,
    incident: noted,
    needs: (rights) => [rights.publish()],
  },
  'restore/admit-clean': {
    description: "Moves the clean instance into the workload's network, and its login into both sites' secrets",
    timeoutSeconds: 30,
    needs: (rights) => [
      rights.readLedger(),
      rights.listInstances(),
      rights.changeSettings(),
      rights.readCleanSecrets(),
      rights.replaceLogins(),
    ],
  },
  'restore/inspect-restored': {
    description: 'Checks what was restored, and its settings',
    timeoutSeconds: INSPECT_TIMEOUT_SECONDS,
    sql: true,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.readSecrets()],
  },
  'restore/close-copy': {
    description: 'Lets only what is good go further, and nobody write to it but by the guard',
    timeoutSeconds: 30,
    sql: true,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.readSecrets()],
  },
  'restore/set-old-aside': {
    description: 'The point of no return: gives the old instance another name',
    timeoutSeconds: 30,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease'), rights.listInstances(), rights.setDatabasesAside()],
  },
  'restore/put-in-place': {
    description: "Gives the restored instance the old one's identifier",
    timeoutSeconds: 30,
    needs: (rights) => [rights.readLedger(), rights.listInstances(), rights.putInPlace()],
  },
  'restore/hand-over': {
    description: 'Gives the workload back to its guard, which opens it',
    timeoutSeconds: 20,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease')],
  },
  'restore/verify-writes': {
    description: 'Writes through the public name: this stops the clock of the RTO',
    timeoutSeconds: 30,
    incident: noted,
    needs: () => [],
  },
  'restore/close-restore': {
    description: 'Says what is where, measures, writes the record, tells people',
    timeoutSeconds: 30,
    usesKey: true,
    savesRecord: true,
    incident: noted,
    needs: (rights) => [rights.readTimeline(), rights.writeEvidence(), rights.putMetrics(), rights.publish()],
  },
  'restore/abort-restore': {
    description: 'Gives back what was claimed, or says how to go on',
    timeoutSeconds: 30,
    usesKey: true,
    savesRecord: true,
    incident: noted,
    needs: (rights) => [rights.readTimeline(), rights.updateLedger('lease'), rights.writeEvidence(), rights.publish()],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

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
      PutSettingsBack: CHANGE_SECONDS,
      InspectRestored: ANSWER_SECONDS,
      RenewCredentials: ANSWER_SECONDS,
      InspectClean: ANSWER_SECONDS,
      AdmitClean: CHANGE_SECONDS,
      CloseCopy: ANSWER_SECONDS,
      SetOldAside: RENAME_SECONDS,
      PutInPlace: RENAME_SECONDS,
      HandOver: GUARD_SECONDS,
      VerifyWrites: ANSWER_SECONDS,
    };
    // Each try takes time beside its wait, at most as much again.
    const runSeconds = 2 * Object.values(waits).reduce((sum, seconds) => sum + seconds, 0) + 4 * INSPECT_TIMEOUT_SECONDS + CUT_OVER_SECONDS;
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
