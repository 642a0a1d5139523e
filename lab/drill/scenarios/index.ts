import type { Scenario } from '../scenario.ts';
import { backup } from './backup/index.ts';
import { controlPlaneDown } from './control-plane-down.ts';
import { databaseConnectionLoss } from './database-connection-loss.ts';
import { failback } from './failback.ts';
import { observerFault } from './observer-fault.ts';
import { plannedSwitchover } from './planned-switchover.ts';
import { recoveryRegionDown } from './recovery-region-down.ts';
import { refusedRequest } from './refused-request.ts';
import { regionFailure } from './region-failure.ts';
import { safety } from './safety.ts';
import { thirdPartyOutage } from './third-party-outage.ts';

/** The scenarios, the default first; those of a group last. */
export const scenarios: readonly Scenario[] = [
  regionFailure,
  plannedSwitchover,
  failback,
  observerFault,
  thirdPartyOutage,
  databaseConnectionLoss,
  recoveryRegionDown,
  controlPlaneDown,
  refusedRequest,
  ...safety,
  ...backup,
];
