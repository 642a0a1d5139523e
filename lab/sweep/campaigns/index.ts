import type { Campaign } from '../campaign.ts';
import { backup } from './backup.ts';
import { copyToAccount } from './copy-to-account.ts';
import { failover } from './failover.ts';
import { restore } from './restore.ts';
import { restoreInPlace } from './restore-in-place.ts';
import { switchover } from './switchover.ts';
import { verifyBackup } from './verify-backup.ts';

/** The machines that can be swept. */
export const campaigns: readonly Campaign[] = [switchover, failover, backup, copyToAccount, verifyBackup, restore, restoreInPlace];
