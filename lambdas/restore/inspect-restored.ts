import type pg from 'pg';
import { Manifests } from '../backup/manifests.ts';
import { CopyUnusable, messageOf, NotReady } from '../kit/errors.ts';
import type { CheckResult } from '../kit/recovery-points.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { readHeartbeat } from '../resources/postgres-contents.ts';
import { inspect, inspectMoment, isDamage } from '../resources/postgres-integrity.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { differences, missingTags } from '../resources/rds-settings.ts';
import { REQUESTED_TAG } from '../verification/copies.ts';
import { secretFor, settingsUntilPlaced } from './clean-room.ts';
import { findRestored, remembered } from './replacement.ts';
import { type RestoreRun, restoredDatabase, restoreRun } from './restoring.ts';

/**
 * Looks into the restored database: with the checks of a verification, or, at a moment of which nothing was recorded, whether it reaches
 * to that and not past it. Compares its settings and tags with those of the one that it was taken from.
 * @throws NotReady until it answers, CopyUnusable when it answers with damage.
 */
export const inspectRestored = defineStep({
  name: 'inspect-restored',
  input: restoreRun,
  throws: [NotReady, CopyUnusable],
  build: ({ ledger }) => ({
    manifests: new Manifests(ledger),
    instances: new RdsInstances(),
    connect: (options: PostgresOptions) => new Postgres(options),
  }),
  run: async (input, services) => {
    const { workload, request } = input;
    const { plan, site, instances, connect, now } = services;
    if (request.dryRun) return { would: 'check its contents, and compare its settings', checks: [], settings: [] };
    const config = restoredDatabase(plan, workload, request);
    const { backup, port, databaseName, tls } = config;
    const secret = secretFor(config, plan, request);
    const known = await instances.list();
    const { restored, inPlace } = findRestored(known, services, input);
    if (!restored?.host) throw new NotReady('the restored instance has no endpoint yet');
    const queryTimeoutMs = backup!.verification.checkTimeoutSeconds * 1000;
    const wanted = await remembered(input, services, known);
    const like = inPlace ? wanted.settings : settingsUntilPlaced(wanted.settings, request, plan, site);
    const missing = Object.keys(missingTags(wanted.tags, restored.tags)).map((tag) => `tag ${tag}`);
    try {
      return await connect({ host: async () => restored.host!, port, databaseName, secret, tls, queryTimeoutMs }).with(async (client) => {
        const reachesTo = await readHeartbeat(client);
        const restoreSeconds = Math.round(now() - Date.parse(restored.tags[REQUESTED_TAG] ?? '')) / 1000;
        const checks = await check(client, input, services);
        const settings = [...differences(like, restored.settings), ...missing];
        return { endpoint: restored.host, reachesTo, restoreSeconds, checks, settings };
      });
    } catch (error) {
      const damaged = [error, (error as Error).cause].find(isDamage);
      if (damaged) throw new CopyUnusable(`${restored.id}: ${messageOf(damaged)}`, { cause: error });
      throw error;
    }
  },
});
export const handler = inspectRestored.handler;

const check = async (
  client: pg.ClientBase,
  { workload, request }: RestoreRun,
  { plan, manifests }: Base & { manifests: Manifests },
): Promise<CheckResult[]> => {
  const { assertions } = restoredDatabase(plan, workload, request).backup!.verification;
  if (request.moment === null) return inspect(client, await manifests.find(request.point.id), assertions);
  return inspectMoment(client, { moment: request.moment, beatSeconds: plan.lease.renewEverySeconds }, assertions);
};
