import { defineEnvironment } from './define.ts';
import sweepBackup from './sweep-backup.ts';

/** What the lab deploys for the fault sweep of the copies that another account keeps. */
export default defineEnvironment({
  ...sweepBackup,
  name: 'sweep-copies',
  vault: { account: '111111111111' },
  workloads: sweepBackup.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map((database) => ({
      ...database,
      backup: { ...database.backup!, copyToAccount: { tiers: ['monthly'], timeoutMinutes: 1 } },
    })),
  })),
});
