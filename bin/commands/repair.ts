import type { SiteName } from '../../environments/schema.ts';
import { type Incident, Incidents } from '../../lambdas/kit/incidents.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, UsageError } from './operator.ts';

export interface RepairOptions {
  from: string;
  table: string;
  /** Values of the primary key, those of one with several columns as a JSON array. */
  key: string[];
  database?: string;
  site?: SiteName;
  maxRows: string;
  reason?: string;
  dryRun: boolean;
  watch: boolean;
}

/** Starts the repair machine of the active site, says how to approve the diff, and follows the run to its end. */
export const repair = async (operator: Operator, workload: string, options: RepairOptions): Promise<void> => {
  const { environment, ledger, regionOf } = operator;
  if (!environment.workloads.some(({ name }) => name === workload))
    throw new UsageError(`workload '${workload}' is unknown; known: ${environment.workloads.map(({ name }) => name).join(', ')}`);
  const maxRows = Number(options.maxRows);
  if (!Number.isInteger(maxRows) || maxRows < 1) throw new UsageError('--max-rows takes a whole number from 1');
  if (!options.dryRun && !options.reason) throw new UsageError('--reason is needed, it goes into the record; or --dry-run');
  const site = options.site ?? (await ledger.lease(workload))?.holder ?? 'primary';
  const { from, table, key, database, reason, dryRun, watch } = options;
  const records = [{ table, keys: key.length > 0 ? key.map(parseKey) : undefined }];
  const name = runName('repair');
  const input = { workload, database, from, records, maxRows, dryRun, reason };
  const meanwhile = dryRun ? undefined : () => tellHowToApprove(operator, name, workload);
  await startAndFollow(operator, { machine: 'repair', region: regionOf(site), name, input, watch, meanwhile });
};

/** `client-17`, or `["client-17", "1"]` for a key of several columns. @throws UsageError for an array of anything but texts. */
export const parseKey = (text: string): string[] => {
  if (!text.startsWith('[')) return [text];
  try {
    const parsed = JSON.parse(text) as unknown;
    if (Array.isArray(parsed) && parsed.length > 0 && parsed.every((part) => typeof part === 'string')) return parsed;
  } catch {
    // said below
  }
  throw new UsageError(`--key ${text}: give the value, or an array of texts: '["client-17", "1"]'`);
};

/** True once the run waits for a person, who is told on stderr what would be changed: counts, keys, names of columns. */
const tellHowToApprove = async ({ ledger, environment }: Operator, incident: string, workload: string): Promise<boolean> => {
  const incidents = new Incidents(ledger);
  const found = (await incidents.find(incident, workload)) as (Incident & { approval?: { expiresAt: string } }) | undefined;
  if (!found?.approval) return false;
  const compared = (await incidents.timeline(incident, workload)).find(
    ({ step, state }) => step === 'compare-records' && state === 'succeeded',
  );
  const { summary } = (compared?.detail ?? {}) as { summary?: unknown };
  process.stderr.write(`${JSON.stringify(summary, null, 2)}\n`);
  process.stderr.write(
    `until ${found.approval.expiresAt}: lifeboat approve ${incident} --workload ${workload} --env ${environment.name} --reason "..."\n`,
  );
  return true;
};
