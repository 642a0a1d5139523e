import { z } from 'zod';
import type { TierName } from './backup.ts';

/** AWS, RDS API reference, `ModifyDBInstance`, `NewDBInstanceIdentifier`, 2026-11. */
const RDS_LONGEST = 63;
/** What Lifeboat adds to an identifier, at its longest: a former writer by its epoch, which never reaches seven digits, and what a restore replaced. */
const ADDED = ['-before-epoch-999999', '-old-01234567'];

/** The longest identifier whose every longer form RDS still takes. */
export const LONGEST_INSTANCE = RDS_LONGEST - Math.max(...ADDED.map(({ length }) => length));

export const instanceIdentifier = z
  .string()
  .regex(
    new RegExp(`^[a-z][a-z0-9-]{0,${LONGEST_INSTANCE - 1}}$`),
    `a DB instance identifier of at most ${LONGEST_INSTANCE} characters, since RDS takes ${RDS_LONGEST} and a former writer is kept as '<identifier>-before-epoch-<n>'; rename a longer one: aws rds modify-db-instance --new-db-instance-identifier`,
  );

/**
 * What a snapshot's name says of its database. All three may hold hyphens, so two databases could come to one name: `backup-problems.ts`
 * refuses that.
 */
export const snapshotStem = (workload: string, database: string, tier: TierName): string => `${workload}-${database}-${tier}`;
