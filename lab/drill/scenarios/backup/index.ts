import type { Scenario } from '../../scenario.ts';
import { backupSizeAnomaly } from './backup-size-anomaly.ts';
import { backupStops } from './backup-stops.ts';
import { corruptedJson } from './corrupted-json.ts';
import { corruptedState } from './corrupted-state.ts';
import { dataCorruptionPitr } from './data-corruption-pitr.ts';
import { databaseCorruption } from './database-corruption.ts';
import { fullRestore } from './full-restore.ts';
import { pointInTimeRestore } from './point-in-time-restore.ts';
import { provenBackup } from './proven-backup.ts';
import { quotaFull } from './quota-full.ts';
import { ransomwareDelete } from './ransomware-delete.ts';
import { replacedStandby } from './replaced-standby.ts';
import { restoreBeside } from './restore-beside.ts';
import { restoreInPlaceScenario } from './restore-in-place.ts';
import { securityCompromise } from './security-compromise.ts';
import { unrestorableBackup } from './unrestorable-backup.ts';
import { verificationKilled } from './verification-killed.ts';

/** What is promised of backups: `npm run drill -- --group backup`. */
export const backup: readonly Scenario[] = [
  provenBackup,
  unrestorableBackup,
  backupStops,
  backupSizeAnomaly,
  quotaFull,
  ransomwareDelete,
  verificationKilled,
  restoreBeside,
  restoreInPlaceScenario,
  replacedStandby,
  fullRestore,
  corruptedState,
  corruptedJson,
  pointInTimeRestore,
  dataCorruptionPitr,
  securityCompromise,
  databaseCorruption,
];
