/**
 * How long the control plane takes for what it does, in milliseconds, beside the work itself (a base backup, a restart) that takes what it
 * takes. The lab's defaults are short but not zero, so that each status is seen by whoever polls; a scenario may set AWS's figures.
 */
export interface Durations {
  /** From an accepted request to the first change of status: until then `available` is the old status. */
  react: number;
  create: number;
  createReplica: number;
  backUp: number;
  /** From one upload of the log to the next: about how far `LatestRestorableTime` is behind. AWS: 5 minutes. */
  uploadLog: number;
  /** From one copy of a replicated automated backup to the next. */
  replicateBackup: number;
  modify: number;
  rename: number;
  /** `modifying` of a promotion; `reboot` follows. */
  promote: number;
  reboot: number;
  stop: number;
  start: number;
  delete: number;
  snapshot: number;
  copySnapshot: number;
  restore: number;
}

export const LAB_DURATIONS: Durations = {
  react: 150,
  create: 300,
  createReplica: 300,
  backUp: 200,
  uploadLog: 2000,
  replicateBackup: 2000,
  modify: 200,
  rename: 200,
  promote: 250,
  reboot: 250,
  stop: 200,
  start: 200,
  delete: 200,
  snapshot: 200,
  copySnapshot: 200,
  restore: 300,
};
