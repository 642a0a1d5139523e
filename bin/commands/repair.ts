import type { SiteName } from '../../environments/schema.ts';
import { Incidents } from '../../lambdas/kit/incidents.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, requireWorkloads, UsageError, wholeNumber } from './operator.ts';
import { questionTeller } from './questions.ts';

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
  requireWorkloads(environment, [workload]);
  const maxRows = wholeNumber('--max-rows', options.maxRows);
  if (!options.dryRun && !options.reason) throw new UsageError('--reason is needed, it goes into the record; or --dry-run');
  const site = options.site ?? (await ledger.lease(workload))?.holder ?? 'primary';
  const { from, table, key, database, reason, dryRun, watch } = options;
  const records = [{ table, keys: key.length > 0 ? key.map(parseKey) : undefined }];
  const name = runName('repair');
  const input = { workload, database, from, records, maxRows, dryRun, reason };
  const meanwhile = dryRun ? undefined : questionTeller(operator, name, [workload], () => summaryOf(operator, name, workload));
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

/** What would be changed: counts, keys, names of columns. */
const summaryOf = async ({ ledger }: Pick<Operator, 'ledger'>, incident: string, workload: string): Promise<string> => {
  const timeline = await new Incidents(ledger).timeline(incident, workload);
  const compared = timeline.find(({ step, state }) => step === 'compare-records' && state === 'succeeded');
  const { summary = 'the diff is not in the timeline: it is in the message' } = (compared?.detail ?? {}) as { summary?: unknown };
  return JSON.stringify(summary, null, 2);
};
