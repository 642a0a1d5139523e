import { defineEnvironment } from './define.ts';
import demoBackup from './demo-backup.ts';

/** The demo with backups, also in another account and as RDS's own in the other site: what the lab deploys for the scenarios about them. */
export default defineEnvironment({
  ...demoBackup,
  name: 'demo-copies',
  vault: { account: '111111111111' },
  workloads: demoBackup.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map((database) => ({
      ...database,
      backup: { ...database.backup!, replicatedAutomatedBackups: { retentionDays: 7 }, copyToAccount: { tiers: ['weekly'] } },
    })),
  })),
});
