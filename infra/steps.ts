/** Every step there is: `<capability>/<step>`, its file under lambdas/, its folder in the bundle and the last part of its function's name. */
export const steps = [
  'detection/watch',
  'detection/start-failover',
  'failover/read-request',
  'failover/open-incident',
  'failover/confirm-outage',
  'failover/measure-lag',
  'failover/ask-approval',
  'failover/fence-writer',
  'failover/take-lease',
  'failover/promote-database',
  'failover/scale-compute',
  'failover/verify-application',
  'failover/shift-traffic',
  'failover/verify-public-name',
  'failover/reprotect-database',
  'failover/close-incident',
  'failover/abort-incident',
  'failover/settle-run',
  'failover/reconcile-site',
  'failover/export-lost-rows',
  'failover/answer-beacon',
  'backup/start-backup',
  'backup/read-backup-request',
  'backup/take-manifests',
  'backup/take-snapshots',
  'backup/settle-manifests',
  'backup/copy-snapshots',
  'backup/record-recovery-points',
  'backup/copy-to-account',
  'backup/prune-recovery-points',
  'backup/close-backup',
  'backup/watch-backups',
  'backup/reconcile-replication',
  'verification/start-verification',
  'verification/read-verification-request',
  'verification/restore-copy',
  'verification/inspect-copy',
  'verification/record-verification',
  'verification/remove-copy',
  'verification/close-verification',
  'verification/sweep-copies',
  'integrity/check-integrity',
  'integrity/watch-integrity',
  'repair/read-repair-request',
  'repair/compare-records',
  'repair/ask-repair-approval',
  'repair/apply-repair',
  'repair/close-repair',
  'restore/read-restore-request',
  'restore/claim-workload',
  'restore/stop-writes',
  'restore/snapshot-current',
  'restore/restore-database',
  'restore/put-settings-back',
  'restore/inspect-restored',
  'restore/close-copy',
  'restore/set-old-aside',
  'restore/put-in-place',
  'restore/hand-over',
  'restore/verify-writes',
  'restore/close-restore',
  'restore/abort-restore',
  'restore/sweep-restores',
] as const;

export type StepName = (typeof steps)[number];

/** `failover/take-lease` → `take-lease`. */
export const shortName = (step: StepName): string => step.slice(step.indexOf('/') + 1);

/** `failover/take-lease` → `TakeLease`: a step's construct id, and its placeholder in a machine. */
export const pascalName = (step: StepName): string =>
  shortName(step)
    .split('-')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');
