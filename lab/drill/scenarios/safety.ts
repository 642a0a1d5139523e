import type { Scenario } from '../scenario.ts';
import { approvalLink, cooldown } from './cooldown.ts';
import { crashBeforeCommit } from './crash-before-commit.ts';
import { databaseCrash } from './database-crash.ts';
import { deadGuard } from './dead-guard.ts';
import { doubleTrigger, doubleTriggerPlanned } from './double-trigger.ts';
import { dryRun } from './dry-run.ts';
import { fenceByNetwork } from './fence-by-network.ts';
import { flapping } from './flapping.ts';
import { ledgerUnreachable, ledgerUnreachableAlone } from './ledger-unreachable.ts';
import { networkPartition } from './network-partition.ts';
import { orchestratorKilled } from './orchestrator-killed.ts';
import { partialBlackoutControl, partialBlackoutData } from './partial-blackout.ts';
import { primaryDatabaseFailover } from './primary-database-failover.ts';
import { regionReturns } from './region-returns.ts';
import { replicationLag } from './replication-lag.ts';
import { splitBrain, splitBrainLink, splitBrainPublic, splitBrainStandby } from './split-brain.ts';
import { unknownLag } from './unknown-lag.ts';

/** Attacks on the safety rules. */
export const safety: readonly Scenario[] = [
  dryRun,
  splitBrain,
  splitBrainPublic,
  splitBrainLink,
  splitBrainStandby,
  regionReturns,
  deadGuard,
  fenceByNetwork,
  ledgerUnreachable,
  ledgerUnreachableAlone,
  networkPartition,
  flapping,
  approvalLink,
  cooldown,
  doubleTrigger,
  doubleTriggerPlanned,
  unknownLag,
  replicationLag,
  orchestratorKilled,
  partialBlackoutControl,
  partialBlackoutData,
  databaseCrash,
  crashBeforeCommit,
  primaryDatabaseFailover,
];
