import { z } from 'zod';
import { isTimeZone } from './backup.ts';

const identifier = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a column name as PostgreSQL has it, without quotes');
/** Looked up in the database with `to_regclass`: never put into SQL as it stands. */
const table = z
  .string()
  .regex(/^([A-Za-z_][A-Za-z0-9_]*\.)?[A-Za-z_][A-Za-z0-9_]*$/, 'a table name, with its schema where need be: billing.invoices');
const checkName = z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'a name in lower case with hyphens');

/** One row that is true, or it has failed. Runs alone in a transaction that only reads, as one statement. */
const assertion = z.strictObject({ name: checkName, sql: z.string().min(1) });

/** A column that holds a checksum of the row's others. */
const checksum = z.strictObject({
  table,
  column: identifier,
  /** SQL over the row's own columns that gives what `column` must hold. Rows whose `column` is null are not checked. */
  expression: z.string().min(1),
});
const json = z.strictObject({ table, column: identifier });

const RATE = /^rate\((\d+) (minute|hour|day)s?\)$/;

/** What is looked at in the live database, how often, and how long it may take. */
export const integrityPolicy = z.strictObject({
  /** EventBridge Scheduler's own expression: `rate(15 minutes)`, or `cron(…)` in the time zone below. */
  schedule: z
    .string()
    .regex(/^(rate\(\d+ (minute|hour|day)s?\)|cron\(\S+( \S+){5}\))$/, 'rate(15 minutes), or cron(minute hour day month weekday year)')
    .default('rate(15 minutes)'),
  timeZone: z.string().refine(isTimeZone, 'a time zone of the IANA database, for example Europe/Berlin').default('UTC'),
  /** Where rows are read: in the standby the writer has no load of it. Pages are read in each site, since each has its own. */
  rowsAt: z.enum(['standby', 'active']).default('standby'),
  assertions: z.array(assertion).default([]),
  checksums: z.array(checksum).default([]),
  /** Columns whose text must be JSON; null is. Needs PostgreSQL 16. */
  json: z.array(json).default([]),
  /** Tables and indexes by `verify_heapam` and `bt_index_check`, a part in each round. Needs the extension `amcheck`. */
  pages: z.boolean().default(true),
  /** A round of a database takes no longer; what it did not reach, the next one does. */
  budgetSeconds: z.number().int().min(5).max(300).default(60),
  /** Bound of one statement. */
  statementTimeoutSeconds: z.number().int().min(1).max(60).default(20),
  /** The alarm `overdue` fires when a check has not been through everything for so long. Allow for your largest table. */
  overdueAfterMinutes: z.number().int().min(2).max(43_200).default(1_440),
});
export type IntegrityPolicy = z.infer<typeof integrityPolicy>;

/** Minutes between two rounds, where the expression says it. */
export const roundMinutes = ({ schedule }: IntegrityPolicy): number | undefined => {
  const [, count, unit] = RATE.exec(schedule) ?? [];
  if (!count) return undefined;
  return Number(count) * { minute: 1, hour: 60, day: 1_440 }[unit as 'minute' | 'hour' | 'day'];
};
