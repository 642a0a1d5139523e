/** What an account may have of RDS in each region; a scenario may set what an account with other limits has. */
export interface Quotas {
  manualSnapshots: number;
  instances: number;
  /** From other regions, on their way to a region at once. */
  copiesAtOnce: number;
  /** Automated backups of another region that are replicated to a region. */
  replicatedBackups: number;
}

/** AWS's defaults. RDS user guide, 'Quotas and constraints' and 'Copying a DB snapshot', 2026-11. */
export const AWS_QUOTAS: Quotas = { manualSnapshots: 100, instances: 40, copiesAtOnce: 20, replicatedBackups: 20 };
