import type { Scenario } from '../../scenario.ts';
import { provenBackup } from './proven-backup.ts';
import { unrestorableBackup } from './unrestorable-backup.ts';

/** What is promised of backups: `npm run drill -- --group backup`. */
export const backup: readonly Scenario[] = [provenBackup, unrestorableBackup];
