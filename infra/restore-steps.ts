import { type MachineStep, noted, nothing } from './machine-step.ts';
import type { StepName } from './steps.ts';

export const INSPECT_TIMEOUT_SECONDS = 180;

/** The machine's steps in their order. Each may write its own start and end to the ledger; beyond that only what is here. */
export const machineSteps = {
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
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease'), rights.readStandings(), rights.askPledges()],
  },
  'restore/snapshot-current': {
    description: 'Keeps what is there, however corrupt',
    timeoutSeconds: 30,
    needs: (rights) => [rights.listInstances(), rights.listSnapshots(), rights.takeSnapshots()],
  },
  'restore/copy-under-clean-key': {
    description: 'Copies the recovery point under a new key, or the one that the site names for it',
    timeoutSeconds: 30,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.listSnapshots(), rights.copySnapshotsHere(), rights.makeCleanKeys()],
  },
  'restore/restore-database': {
    description: 'Restores beside what is there, with its settings',
    timeoutSeconds: 30,
    needs: (rights) => [
      rights.readLedger(),
      rights.listInstances(),
      rights.listSnapshots(),
      rights.listAutomatedBackups(),
      rights.restoreBeside(),
    ],
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
    needs: (rights) => [rights.readIncidents(), rights.publish()],
  },
  'restore/admit-clean': {
    description: "Moves the clean instance into the workload's network, and its login into both sites' secrets",
    timeoutSeconds: 30,
    needs: (rights) => [
      rights.readLedger(),
      rights.listInstances(),
      rights.changeSettings(),
      rights.putTagsBack(),
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
