import type { Scenario } from '../../scenario.ts';
import { provenBackup } from './proven-backup.ts';

/** What is promised of backups: `npm run drill -- --group backup`. */
export const backup: readonly Scenario[] = [provenBackup];
