import { z } from 'zod';
import { InvalidRequest } from '../kit/errors.ts';
import { type Database, type Environment, workloadOf } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { type Base, defineStep, parseInput } from '../kit/step.ts';
import { RdsAutomatedBackups } from '../resources/rds-automated-backups.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { choose, chooseClean, chooseMoment, target } from './choose.ts';
import { logSourceOf } from './log-source.ts';
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
  target: target.default('latestVerified'),
  placement: placement.default('beside'),
  dryRun: z.boolean().default(false),
  reason: z.string().min(1).optional(),
  acceptUnknown: z.boolean().default(false),
  detectedAt: z.iso.datetime({ offset: true }).optional(),
  /** Goes on with an incident whose run ended half-way: what was chosen then stays chosen. */
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
    if (asked.incident) return resume(asked.incident, asked.workload, execution, services);
    const config = databaseOf(services.plan, asked);
    if (!asked.dryRun && !asked.reason) throw new InvalidRequest('reason: give one, it goes into the record; or dryRun: true');
    const { acceptUnknown, dryRun } = asked;
    const request: RestoreRequest = {
      incident: execution.name,
      execution: execution.name,
      dryRun,
      reason: asked.reason ?? 'dry run',
      placement: asked.placement,
      database: config.name,
      ...(await chosen(asked, config, services)),
      acceptUnknown,
      detectedAt: asked.detectedAt ? new Date(asked.detectedAt).toISOString() : null,
      startedAt: new Date(execution.startedAt).toISOString(),
    };
    return { workload: asked.workload, request };
  },
});
export const handler = readRestoreRequest.handler;

const databaseOf = (plan: Environment, { workload, database }: Given): Database => {
  const { databases } = workloadOf(plan, workload);
  const [only, ...others] = databases.filter(({ name, backup }) => backup && (database ?? name) === name);
  if (only && others.length === 0) return only;
  const known = databases.filter(({ backup }) => backup).map(({ name }) => name);
  throw new InvalidRequest(`database: name one of ${known.join(', ')}`);
};

const chosen = async (
  { workload, target: wanted, placement: where }: Given,
  { name: database, instances: identifiers, backup }: Database,
  { plan, site, points, instances, backups, now }: Services,
): Promise<Pick<RestoreRequest, 'point' | 'moment' | 'why' | 'lostSeconds'>> => {
  const secondsSince = (time: string) => Math.max(0, Math.round((now() - Date.parse(time)) / 1000));
  if (where === 'cleanRoom' && !(typeof wanted === 'object' && 'before' in wanted))
    throw new InvalidRequest("target: a clean room needs { before: '<time of the compromise>' }");
  if (typeof wanted === 'object' && 'at' in wanted) {
    const identifier = identifiers[site];
    const brought = backup?.replicatedAutomatedBackups ? await backups.list() : [];
    const log = logSourceOf(await instances.list(), brought, { plan, site, instances: identifiers });
    const { moment, id, why } = chooseMoment(wanted.at, { log, identifier, now: now() });
    return { point: { id, workload, database, dueAt: moment! }, moment, why, lostSeconds: secondsSince(moment!) };
  }
  const known = await points.list(workload, database);
  const clean = where === 'cleanRoom' && typeof wanted === 'object' && 'before' in wanted;
  const { point, why } = clean ? chooseClean(known, site, wanted.before) : choose(known, site, wanted);
  const { id, dueAt, reachesTo } = point;
  return { point: { id, workload, database, dueAt }, moment: null, why, lostSeconds: reachesTo ? secondsSince(reachesTo) : null };
};

const resume = async (incident: string, workload: string, execution: Execution, { incidents }: Services) => {
  const found = (await incidents.find(incident, workload)) as RestoreIncident | undefined;
  if (found?.mode !== 'restore') throw new InvalidRequest(`incident: there is no restore '${incident}' of '${workload}'`);
  const request: RestoreRequest = { ...found.request, execution: execution.name };
  return { workload, request };
};
