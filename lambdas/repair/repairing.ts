import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { type Database, type Environment, workloadOf } from '../kit/plan.ts';
import type { Text } from '../resources/postgres-records.ts';

/** What is compared: rows by the values of their primary keys as text, or, without keys, the whole table. */
export const recordSet = z.strictObject({
  table: z.string().regex(/^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$/, 'a table name, with its schema where need be'),
  keys: z.array(z.array(z.string()).min(1)).min(1).max(100).optional(),
});

/** A repair as `read-repair-request` validated it; it travels unchanged through the machine. */
export const repairRequest = z.strictObject({
  incident: z.string().min(1),
  dryRun: z.boolean(),
  reason: z.string(),
  database: z.string(),
  /** The instance beside, from which rows are carried over. */
  from: z.string(),
  records: z.array(recordSet).min(1).max(10),
  /** So many rows at most, or nothing is done. */
  maxRows: z.number().int(),
});
export type RepairRequest = z.infer<typeof repairRequest>;

/** What every step of a repair receives. */
export const repairRun = z.strictObject({ workload: z.string(), request: repairRequest });
export type RepairRun = z.infer<typeof repairRun>;

/** What a comparison leaves for the next states: where the diff lies, and what a person has to know of it. No value. */
export const comparison = z.object({
  /** How many rows would be changed. */
  changes: z.number().int(),
  object: z.string().nullable(),
  sha256: z.string().nullable(),
  summary: z.array(z.unknown()),
});

/** A row that differs, with its values: in the evidence bucket and nowhere else. */
export interface Difference {
  key: string[];
  action: 'update' | 'insert';
  /** Columns that differ; of a row that is not live, all. */
  columns: string[];
  /** Null where it is not live. */
  liveDigest: string | null;
  copyDigest: string;
  live: Text[] | null;
  copy: Text[];
}

/** The diff as it is approved, and carried over: all columns' names once, the rows' values in their order, keys that neither database has. */
export interface Diff {
  incident: string;
  workload: string;
  database: string;
  from: string;
  comparedAt: string;
  tables: { table: string; key: string[]; columns: string[]; rows: Difference[]; onlyLive: number; nowhere: string[][] }[];
}

/** @throws InvalidRequest for a database that the environment does not have. */
export const repairedDatabase = (plan: Environment, workload: string, name: string): Database => {
  const found = workloadOf(plan, workload).databases.find((database) => database.name === name);
  if (found) return found;
  throw new InvalidRequest(`database '${name}' of workload '${workload}' is unknown in environment '${plan.name}'`);
};

/** What a restore beside makes, and nothing else, is read from. */
export const restoredPrefix = (plan: Environment): string => `lifeboat-${plan.name}-restored-`;
