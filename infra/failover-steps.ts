import { type MachineStep, noted, nothing } from './machine-step.ts';
import type { Right, Rights } from './rights.ts';
import type { StepName } from './steps.ts';

/** The machine's steps in the order of the runbook. Each may write its own start and end to the ledger; beyond that only what is here. */
export const machineSteps = {
  'failover/read-request': {
    description: 'Validates the input and orders the workloads',
    timeoutSeconds: 10,
    incident: nothing,
    needs: (rights) => [rights.readIncidents()],
  },
  'failover/open-incident': {
    description: 'Opens the incident and claims the workload: one run at a time',
    timeoutSeconds: 20,
    asksMachine: true,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease'), rights.describeExecutions('failover')],
  },
  'failover/confirm-outage': {
    description: 'Probes again before anything is done',
    timeoutSeconds: 30,
    incident: noted,
    needs: (rights) => [rights.readObservations()],
  },
  'failover/measure-lag': {
    description: 'Measures on the standby what a promotion would lose',
    timeoutSeconds: 20,
    sql: true,
    incident: noted,
    needs: (rights) => [rights.describeDatabases(), rights.readSecrets(), rights.readLedger(), rights.readPledges()],
  },
  'failover/ask-approval': {
    description: 'Asks a person, with a token that answers',
    timeoutSeconds: 20,
    usesKey: true,
    incident: noted,
    needs: (rights) => [rights.publish()],
  },
  'failover/settle-approval': {
    description: 'Answers by the written policy when nobody did in time',
    timeoutSeconds: 20,
    incident: noted,
    needs: (rights) => [rights.readLedger()],
  },
  'failover/fence-writer': {
    description: 'Learns whether the old writer is fenced; never waits for a dead region',
    timeoutSeconds: 20,
    sql: true,
    incident: noted,
    needs: (rights) => [
      rights.readTimeline(),
      rights.updateLedger('lease'),
      rights.putInLedger('fence'),
      rights.describeDatabases(),
      rights.readSecrets(),
    ],
  },
  'failover/take-lease': {
    description: 'Takes the lease once it was released or has expired',
    timeoutSeconds: 20,
    incident: noted,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease'), rights.closePledges()],
  },
  'failover/promote-database': {
    description: 'Promotes the standby; done when it has accepted a write',
    timeoutSeconds: 30,
    sql: true,
    needs: (rights) => [rights.describeDatabases(), rights.promoteDatabases(), rights.readSecrets(), rights.readLedger()],
  },
  'failover/scale-compute': {
    description: 'Scales the services up; done when all tasks run',
    timeoutSeconds: 20,
    needs: (rights) => [rights.scaleCompute()],
  },
  'failover/verify-application': {
    description: "Writes through this site's own load balancer and reads it back",
    timeoutSeconds: 30,
    needs: () => [],
  },
  'failover/shift-traffic': {
    description: "Sets the lease's serving site, which the beacon answers from",
    timeoutSeconds: 20,
    needs: (rights) => [rights.readLedger(), rights.updateLedger('lease')],
  },
  'failover/verify-public-name': {
    description: 'Writes through the public name: this stops the clock of the RTO',
    timeoutSeconds: 30,
    needs: () => [],
  },
  'failover/reprotect-database': {
    description: 'Switches backups on at the new writer',
    timeoutSeconds: 20,
    needs: (rights) => [rights.describeDatabases(), rights.modifyDatabases()],
  },
  'failover/close-incident': {
    description: 'Measures RTO and RPO, writes the record, tells people',
    timeoutSeconds: 30,
    usesKey: true,
    savesRecord: true,
    incident: noted,
    needs: (rights) => [...closing(rights), rights.putMetrics()],
  },
  'failover/abort-incident': {
    description: 'Gives back what was taken and records why; nothing was moved',
    timeoutSeconds: 30,
    usesKey: true,
    savesRecord: true,
    incident: noted,
    needs: (rights) => [...closing(rights), rights.scaleCompute()],
  },
  'failover/settle-run': {
    description: "Sums the workloads' outcomes up: a run with a failure fails",
    timeoutSeconds: 10,
    incident: nothing,
    needs: () => [],
  },
} satisfies Partial<Record<StepName, MachineStep>>;

/** The claim is dropped, the record written, people are told. */
const closing = (rights: Rights): Right[][] => [
  rights.readTimeline(),
  rights.updateLedger('lease'),
  rights.writeEvidence(),
  rights.publish(),
];
