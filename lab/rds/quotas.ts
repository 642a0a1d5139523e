/** What an account may have of RDS in each region; a scenario may set what an account with other limits has. */
export interface Quotas {
  manualSnapshots: number;
  instances: number;
  /** On their way to a region at once. */
  copiesAtOnce: number;
}

/** AWS's defaults. RDS user guide, 'Quotas and constraints', 2026-11. The number of instances is told and not enforced. */
export const AWS_QUOTAS: Quotas = { manualSnapshots: 100, instances: 40, copiesAtOnce: 20 };
