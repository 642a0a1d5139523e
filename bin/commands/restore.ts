import type { SiteName } from '../../environments/schema.ts';
import { runName, startAndFollow } from './follow.ts';
import { type Operator, requireWorkloads, UsageError } from './operator.ts';
import { questionTeller } from './questions.ts';

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
  /** Goes on with an interrupted restore: most else was chosen then. */
  incident?: string;
  dryRun: boolean;
  watch: boolean;
}

/** Starts the restore machine, in the active site unless told otherwise, and follows it to its end. @throws UsageError before anything is called. */
export const restore = async (
  operator: Pick<Operator, 'environment' | 'region' | 'ledger' | 'regionOf' | 'sfn' | 'stateMachineArn' | 'print'>,
  workload: string,
  options: RestoreOptions,
): Promise<void> => {
  const { environment, ledger, regionOf } = operator;
  const { incident, dryRun, watch } = options;
  requireWorkloads(environment, [workload]);
  const input = inputOf(workload, options);
  const site = options.site ?? (await ledger.lease(workload))?.holder ?? 'primary';
  const name = runName('restore');
  const meanwhile = dryRun ? undefined : questionTeller(operator, incident ?? name, [workload]);
  await startAndFollow(operator, { machine: 'restore', region: regionOf(site), name, incident, input, watch, meanwhile });
};

/** The machine's input, which is what one would give in the console too. */
export const inputOf = (workload: string, options: RestoreOptions): Record<string, unknown> => {
  const { database, incident, dryRun, reason, detectedAt, acceptUnknown } = options;
  if (incident !== undefined) return goingOn(workload, incident, options);
  if (!dryRun && !reason) throw new UsageError('--reason is missing: it goes into the record. --dry-run needs none');
  return {
    workload,
    database,
    target: targetOf(options) ?? 'latestVerified',
    placement: placementOf(options),
    reason,
    detectedAt: detectedAt && momentOf('--detected-at', detectedAt),
    acceptUnknown,
    dryRun,
  };
};

/** What an interrupted restore goes on with. What is chosen for good is refused: it would be taken for granted, and not be done. */
const goingOn = (workload: string, incident: string, options: RestoreOptions): Record<string, unknown> => {
  const { database, latest, at, inPlace, cleanRoom, site, detectedAt, dryRun, reason, acceptUnknown } = options;
  if (dryRun) throw new UsageError('--dry-run and --incident exclude each other: what goes on with a restore changes something');
  const chosen = given({
    '--database': database,
    '--latest': latest,
    '--at': at,
    '--in-place': inPlace,
    '--clean-room': cleanRoom,
    '--site': site,
    '--detected-at': detectedAt,
  });
  if (chosen.length > 0) throw new UsageError(`${chosen.join(', ')}: chosen when the restore began, leave it out with --incident`);
  return { workload, incident, target: targetOf(options), reason, acceptUnknown: acceptUnknown || undefined };
};

/** The names of those that have a value. */
const given = (options: Record<string, unknown>): string[] => Object.keys(options).filter((name) => options[name]);

const placementOf = ({ inPlace, cleanRoom, before }: RestoreOptions): string => {
  if (inPlace && cleanRoom) throw new UsageError('--in-place and --clean-room exclude each other: name one');
  if (cleanRoom && !before) throw new UsageError('--clean-room needs --before: the time of the compromise');
  if (cleanRoom) return 'cleanRoom';
  return inPlace ? 'inPlace' : 'beside';
};

const targetOf = ({ latest, at, before, recoveryPoint }: RestoreOptions): unknown => {
  const named = given({ '--latest': latest, '--at': at, '--before': before, '--recovery-point': recoveryPoint });
  if (named.length > 1) throw new UsageError(`${named.join(' and ')} exclude each other: name one`);
  if (latest) return 'latest';
  if (at) return { at: momentOf('--at', at) };
  if (before) return { before: momentOf('--before', before) };
  return recoveryPoint ? { recoveryPoint } : undefined;
};

/** A time without a zone would mean another moment on another machine. */
const momentOf = (option: string, text: string): string => {
  const moment = new Date(text);
  if (/(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(moment.getTime())) return moment.toISOString();
  throw new UsageError(`${option} ${text} is no moment: give date, time and zone, for example 2026-11-27T10:30:00Z`);
};
