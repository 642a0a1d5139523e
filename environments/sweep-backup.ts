import { defineEnvironment } from './define.ts';
import demoBackup from './demo-backup.ts';
import sweep from './sweep.ts';

const { detection, lease, failover, dns } = sweep;

/** The demo with backups and the shortest times: what the lab deploys for the fault sweep of backups, their proofs, and restores. */
export default defineEnvironment({
  ...demoBackup,
  name: 'sweep-backup',
  detection,
  lease,
  failover,
  dns,
  workloads: demoBackup.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map(({ integrity: _, ...database }) => ({
      ...database,
      backup: {
        ...database.backup!,
        rpoSeconds: 31_536_000,
        // Due so seldom that no schedule comes between the attacks; each run has one older recovery point that it lets go.
        tiers: [{ every: 'monthly', at: '03:15', timeZone: 'UTC', keepDays: 1, keepAtLeast: 2 }],
        keepVerified: 1,
        snapshotTimeoutMinutes: 1,
        copyTimeoutMinutes: 1,
        restore: { ...database.backup!.restore, changeTimeoutMinutes: 1, renameTimeoutMinutes: 1 },
        verification: { ...database.backup!.verification, restoreTimeoutMinutes: 2, checkTimeoutSeconds: 20 },
      },
    })),
  })),
});
