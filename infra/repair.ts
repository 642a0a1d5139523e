import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import { wakingSeconds } from './machine-step.ts';
import type { Right, Rights } from './rights.ts';
import { Machine } from './state-machine.ts';
import { Step, type StepProps } from './step.ts';
import { pascalName, type StepName } from './steps.ts';

interface MachineStep extends Pick<StepProps, 'description' | 'timeoutSeconds' | 'sql' | 'usesKey'> {
  /** It writes to, or reads from, the evidence bucket. */
  evidence?: boolean;
  needs: (rights: Rights) => Right[][];
}

const MEMORY_MB = 256;
const BATCH_TIMEOUT_SECONDS = 180;
/** How long the databases may take to answer, and a locked row to be free. */
const ANSWER_SECONDS = 120;

const machineSteps = {
  'repair/read-repair-request': {
    description: 'Validates the input of a repair',
    timeoutSeconds: 20,
    needs: (rights) => [rights.readLedger()],
  },
  'repair/compare-records': {
    description: 'Compares rows of a restored copy with the live ones, and keeps the diff as evidence',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    sql: true,
    usesKey: true,
    evidence: true,
    needs: (rights) => [
      rights.putInLedger('incident'),
      rights.readLedger(),
      rights.listInstances(),
      rights.readSecrets(),
      rights.writeRepairs(),
    ],
  },
  'repair/ask-repair-approval': {
    description: 'Asks a person to approve the diff',
    timeoutSeconds: 20,
    usesKey: true,
    needs: (rights) => [rights.writeLedger('incident'), rights.publish()],
  },
  'repair/apply-repair': {
    description: 'Carries the approved rows over in one transaction',
    timeoutSeconds: BATCH_TIMEOUT_SECONDS,
    sql: true,
    usesKey: true,
    evidence: true,
    needs: (rights) => [
      rights.putInLedger('incident'),
      rights.updateLedger('lease'),
      rights.readLedger(),
      rights.listInstances(),
      rights.readSecrets(),
      rights.readRepairs(),
    ],
  },
  'repair/close-repair': {
    description: 'Says what was carried over, writes the record',
    timeoutSeconds: 30,
    usesKey: true,
    evidence: true,
    needs: (rights) => [rights.writeLedger('incident'), rights.readTimeline(), rights.writeEvidence(), rights.publish()],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

/** A site's means to mend single records of what is active there, from a database that was restored beside. Started by people. */
export class Repair extends Construct {
  constructor(scope: Construct, id: string, foundation: Foundation, definitions: string) {
    super(scope, id);
    const { names, region, rights, environment } = foundation;
    const variables = { LIFEBOAT_EVIDENCE_BUCKET: names.evidenceBucket(region) };
    const create = (step: StepName, { needs, evidence, ...props }: MachineStep) =>
      new Step(this, foundation, { step, memoryMb: MEMORY_MB, ...props, rights: needs(rights), variables: evidence ? variables : {} });
    const entries = Object.entries(machineSteps) as [StepName, MachineStep][];
    const approvalSeconds = environment.failover.approvalTimeoutMinutes * 60;
    new Machine(this, 'Machine', foundation, {
      name: 'repair',
      definitions,
      steps: Object.fromEntries(entries.map(([step, props]) => [pascalName(step), create(step, props)])),
      numbers: {
        RunTimeoutSeconds: approvalSeconds + 4 * ANSWER_SECONDS + 6 * BATCH_TIMEOUT_SECONDS + wakingSeconds(machineSteps),
        ApprovalTimeoutSeconds: approvalSeconds,
      },
      waits: { CompareRecords: ANSWER_SECONDS, ApplyRepair: ANSWER_SECONDS },
      alarms: {
        failed: {
          impact: 'A repair of records did not end well: what was to be mended is not.',
          runbook: 'Repair run failed',
          notCovered: 'repairs that nobody started',
        },
        timedOut: {
          impact: 'A repair outlived its bound and was stopped: its rows were changed all together, or not at all.',
          runbook: 'Repair run timed out',
          notCovered: 'repairs that are slow but within the bound',
        },
        aborted: {
          impact: 'Somebody stopped a repair: its rows were changed all together, or not at all.',
          runbook: 'Repair run aborted',
          notCovered: 'repairs that gave up by themselves',
        },
      },
    });
  }
}
