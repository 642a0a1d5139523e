import { Construct } from 'constructs';
import { policiesOf } from './backup.ts';
import type { Foundation } from './foundation.ts';
import type { Right, Rights } from './rights.ts';
import { Machine } from './state-machine.ts';
import { Step, type StepProps } from './step.ts';
import { pascalName, type StepName } from './steps.ts';

interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'sql' | 'usesKey'> {
  needs: (rights: Rights) => Right[][];
}

/** A restore is an outage: what more memory saves is worth more than what it costs. */
const MEMORY_MB = 512;
const ANSWER_SECONDS = 600;
const INSPECT_TIMEOUT_SECONDS = 180;

const machineSteps = {
  'restore/read-restore-request': {
    description: 'Validates the input, chooses the recovery point and says why',
    timeoutSeconds: 30,
    needs: (rights) => [rights.readTimeline()],
  },
  'restore/restore-database': {
    description: 'Restores beside what is there, with its settings',
    timeoutSeconds: 30,
    needs: (rights) => [rights.writeLedger('incident'), rights.listInstances(), rights.restoreBeside()],
  },
  'restore/inspect-restored': {
    description: 'Checks what was restored, and its settings',
    timeoutSeconds: INSPECT_TIMEOUT_SECONDS,
    sql: true,
    needs: (rights) => [rights.writeLedger('incident'), rights.readLedger(), rights.listInstances(), rights.readSecrets()],
  },
  'restore/close-restore': {
    description: 'Hands the endpoint over with what is known of it',
    timeoutSeconds: 30,
    usesKey: true,
    needs: (rights) => [rights.writeLedger('incident'), rights.publish()],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

/** A site's means to restore a database beside what is there: the steps and the machine that orders them. Started by people. */
export class Restore extends Construct {
  constructor(scope: Construct, id: string, foundation: Foundation, definitions: string) {
    super(scope, id);
    const restoreSeconds =
      Math.max(...policiesOf(foundation.environment).map(({ verification }) => verification.restoreTimeoutMinutes)) * 60;
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    const create = (step: StepName, { needs, ...props }: MachineStep) =>
      new Step(this, foundation, { step, memoryMb: MEMORY_MB, ...props, rights: needs(foundation.rights) });
    new Machine(this, 'Machine', foundation, {
      name: 'restore',
      definitions,
      steps: Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)])),
      numbers: { RunTimeoutSeconds: 2 * (restoreSeconds + ANSWER_SECONDS) + 4 * INSPECT_TIMEOUT_SECONDS },
      waits: { RestoreDatabase: restoreSeconds, InspectRestored: ANSWER_SECONDS },
      alarms: {
        failed: {
          impact: 'A restore did not end well: what was restored is not checked, not as it was, or not there.',
          runbook: 'Restore run failed',
          notCovered: 'restores that nobody started',
        },
        timedOut: {
          impact: 'A restore outlived its bound and was stopped: what it restored may be there, unchecked.',
          runbook: 'Restore run timed out',
          notCovered: 'restores that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a restore: what it restored may be there, unchecked.',
          runbook: 'Restore run aborted',
          notCovered: 'restores that gave up by themselves',
        },
      },
    });
  }
}
