import type { Campaign } from '../campaign.ts';
import { backup } from './backup.ts';
import { failover } from './failover.ts';
import { switchover } from './switchover.ts';

/** The machines that can be swept. */
export const campaigns: readonly Campaign[] = [switchover, failover, backup];
