import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { type Database, type Environment, workloadOf } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep, parseInput } from '../kit/step.ts';
import { RdsAutomatedBackups } from '../resources/rds-automated-backups.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { choose, chooseClean, chooseMoment, requirePast, type Target, target } from './choose.ts';
import { logSourceOf } from './log-source.ts';
import { whyFinal } from './other-choice.ts';
import type { RestoreIncident } from './replacement.ts';
import { placement, type RestoreRequest } from './restoring.ts';

const input = z.strictObject({
  execution: z.strictObject({ name: z.string().min(1), startedAt: z.iso.datetime({ offset: true }) }),
  /** What the person gave, unchecked until here. */
  given: z.unknown(),
});

const given = z.strictObject({
  workload: z.string(),
  /** May be left out where the workload has one. */
  database: z.string().optional(),
  /** The newest proven one where it is left out. */
  target: target.optional(),
  /** Beside where it is left out. */
  placement: placement.optional(),
  dryRun: z.boolean().default(false),
  reason: z.string().min(1).optional(),
  acceptUnknown: z.boolean().optional(),
  detectedAt: z.iso.datetime({ offset: true }).optional(),
  /** Goes on with an incident whose run ended half-way: what was chosen then stays chosen, but for what `goOn` takes anew. */
  incident: z.string().min(1).optional(),
});
type Given = z.infer<typeof given>;
interface Services extends Base {
  points: RecoveryPoints;
  instances: Pick<RdsInstances, 'list'>;
  backups: Pick<RdsAutomatedBackups, 'list'>;
}
type Execution = z.infer<typeof input>['execution'];

/**
 * The first state: what is restored, from which recovery point, why that one, and what would be lost by it. Nothing is touched yet.
 * @throws InvalidRequest naming each wrong field, and for a restore that is none of a dry run when it gives no reason.
 */
export const readRestoreRequest = defineStep({
  name: 'read-restore-request',
  input,
  throws: [],
  build: ({ ledger }) => ({
    points: new RecoveryPoints(ledger),
    instances: new RdsInstances() as Pick<RdsInstances, 'list'>,
    backups: new RdsAutomatedBackups() as Pick<RdsAutomatedBackups, 'list'>,
  }),
  run: async ({ execution, given: raw }, services) => {
    const asked = parseInput(given, raw);
    if (asked.incident && asked.dryRun)
      throw new InvalidRequest('dryRun: excludes incident, since what goes on with a restore changes something');
    if (asked.incident) return goOn({ ...asked, incident: asked.incident }, execution, services);
    const config = databaseOf(services.plan, asked);
    if (!asked.dryRun && !asked.reason) throw new InvalidRequest('reason: give one, it goes into the record; or dryRun: true');
    const { dryRun, acceptUnknown = false, placement: where = 'beside', target: wanted = 'latestVerified' } = asked;
    if (where === 'cleanRoom' && !(typeof wanted === 'object' && 'before' in wanted))
      throw new InvalidRequest("target: a clean room needs { before: '<time of the compromise>' }");
    const request: RestoreRequest = {
      incident: execution.name,
      execution: execution.name,
      dryRun,
      reason: asked.reason ?? 'dry run',
      placement: where,
      database: config.name,
      ...(await chosen({ workload: asked.workload, wanted, isClean: where === 'cleanRoom' }, config, services)),
      acceptUnknown,
      detectedAt: asked.detectedAt ? new Date(asked.detectedAt).toISOString() : null,
      startedAt: new Date(execution.startedAt).toISOString(),
    };
    return { workload: asked.workload, request };
  },
});
export const handler = readRestoreRequest.handler;

const databaseOf = (plan: Environment, { workload, database }: Pick<Given, 'workload' | 'database'>): Database => {
  const { databases } = workloadOf(plan, workload);
  const [only, ...others] = databases.filter(({ name, backup }) => backup && (database ?? name) === name);
  if (only && others.length === 0) return only;
  const known = databases.filter(({ backup }) => backup).map(({ name }) => name);
  throw new InvalidRequest(`database: name one of ${known.join(', ')}`);
};

const chosen = async (
  { workload, wanted, isClean }: { workload: string; wanted: Target; isClean: boolean },
  { name: database, instances: identifiers, backup }: Database,
  { plan, site, points, instances, backups, now }: Services,
): Promise<Pick<RestoreRequest, 'point' | 'moment' | 'why' | 'lostSeconds'>> => {
  const secondsSince = (time: string) => Math.max(0, Math.round((now() - Date.parse(time)) / 1000));
  if (typeof wanted === 'object' && 'before' in wanted) requirePast('before', wanted.before, now());
  if (typeof wanted === 'object' && 'at' in wanted) {
    const identifier = identifiers[site];
    const brought = backup?.replicatedAutomatedBackups ? await backups.list() : [];
    const log = logSourceOf(await instances.list(), brought, { plan, site, instances: identifiers });
    const { moment, id, why } = chooseMoment(wanted.at, { log, identifier, now: now() });
    return { point: { id, workload, database, dueAt: moment! }, moment, why, lostSeconds: secondsSince(moment!) };
  }
  const known = await points.list(workload, database);
  const { point, why } = isClean && typeof wanted === 'object' ? chooseClean(known, site, wanted) : choose(known, site, wanted);
  const { id, dueAt, reachesTo } = point;
  return { point: { id, workload, database, dueAt }, moment: null, why, lostSeconds: reachesTo ? secondsSince(reachesTo) : null };
};

/**
 * The incident's own request, with what a person says anew: that unknown checks are accepted, and why; in a clean room that nobody has
 * approved yet, another recovery point, since a person may have found the first one to be no good.
 */
const goOn = async (asked: Given & { incident: string }, execution: Execution, services: Services) => {
  const { workload, incident, target: wanted, database, placement: where, detectedAt } = asked;
  const found = (await services.incidents.find(incident, workload)) as RestoreIncident | undefined;
  if (found?.mode !== 'restore') throw new InvalidRequest(`incident: there is no restore '${incident}' of '${workload}'`);
  const { request: first } = found;
  for (const [field, value] of Object.entries({ database, placement: where, detectedAt }))
    if (value !== undefined && value !== first[field as keyof RestoreRequest])
      throw new InvalidRequest(`${field}: was chosen when '${incident}' began, leave it out`);
  const { acceptUnknown = first.acceptUnknown, reason = first.reason } = asked;
  const request: RestoreRequest = { ...first, execution: execution.name, acceptUnknown, reason };
  if (wanted === undefined) return { workload, request };
  const final = whyFinal(found);
  if (final) throw new InvalidRequest(`target: ${final}`);
  if (typeof wanted !== 'object' || 'at' in wanted)
    throw new InvalidRequest("target: a clean room goes on with { before: '<time>' } or { recoveryPoint: '<id>' }");
  const config = databaseOf(services.plan, { workload, database: request.database });
  return { workload, request: { ...request, ...(await chosen({ workload, wanted, isClean: true }, config, services)) } };
};
