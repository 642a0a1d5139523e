import type { SiteName } from '../../environments/schema.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, UsageError } from './operator.ts';

export interface RestoreOptions {
  database?: string;
  /** Each of these names what to go back to; one at most. */
  latest?: boolean;
  at?: string;
  before?: string;
  recoveryPoint?: string;
  inPlace?: boolean;
  cleanRoom?: boolean;
  site?: SiteName;
  reason?: string;
  detectedAt?: string;
  acceptUnknown?: boolean;
  /** Goes on with an interrupted restore: everything else but the site was chosen then. */
  incident?: string;
  dryRun: boolean;
  watch: boolean;
}

/** Starts the restore machine, in the active site unless told otherwise, and follows it to its end. @throws UsageError before anything is called. */
export const restore = async (
  operator: Pick<Operator, 'environment' | 'ledger' | 'regionOf' | 'sfn' | 'stateMachineArn' | 'print'>,
  workload: string,
  options: RestoreOptions,
): Promise<void> => {
  const { environment, ledger, regionOf } = operator;
  const known = environment.workloads.map(({ name }) => name);
  if (!known.includes(workload))
    throw new UsageError(`workload '${workload}' is unknown in environment '${environment.name}'; known: ${known.join(', ')}`);
  const input = inputOf(workload, options);
  const site = options.site ?? (await ledger.lease(workload))?.holder ?? 'primary';
  await startAndFollow(operator, { machine: 'restore', region: regionOf(site), name: runName('restore'), input, watch: options.watch });
};

/** The machine's input, which is what one would give in the console too. */
export const inputOf = (workload: string, options: RestoreOptions): Record<string, unknown> => {
  const { database, incident, dryRun, reason, acceptUnknown } = options;
  if (incident && dryRun)
    throw new UsageError('--dry-run and --incident exclude each other: what goes on with a restore changes something');
  if (incident) return { workload, incident };
  if (!dryRun && !reason) throw new UsageError('--reason is missing: it goes into the record. --dry-run needs none');
  return {
    workload,
    database,
    target: targetOf(options),
    placement: placementOf(options),
    reason,
    detectedAt: options.detectedAt && momentOf('--detected-at', options.detectedAt),
    acceptUnknown,
    dryRun,
  };
};

const placementOf = ({ inPlace, cleanRoom, before }: RestoreOptions): string => {
  if (inPlace && cleanRoom) throw new UsageError('--in-place and --clean-room exclude each other: name one');
  if (cleanRoom && !before) throw new UsageError('--clean-room needs --before: the time of the compromise');
  if (cleanRoom) return 'cleanRoom';
  return inPlace ? 'inPlace' : 'beside';
};

const targetOf = ({ latest, at, before, recoveryPoint }: RestoreOptions): unknown => {
  const named = Object.entries({ '--latest': latest, '--at': at, '--before': before, '--recovery-point': recoveryPoint }).filter(
    ([, value]) => value,
  );
  if (named.length > 1) throw new UsageError(`${named.map(([name]) => name).join(' and ')} exclude each other: name one`);
  if (latest) return 'latest';
  if (at) return { at: momentOf('--at', at) };
  if (before) return { before: momentOf('--before', before) };
  return recoveryPoint ? { recoveryPoint } : 'latestVerified';
};

/** A time without a zone would mean another moment on another machine. */
const momentOf = (option: string, text: string): string => {
  const moment = new Date(text);
  if (/(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(moment.getTime())) return moment.toISOString();
  throw new UsageError(`${option} ${text} is no moment: give date, time and zone, for example 2026-11-27T10:30:00Z`);
};
