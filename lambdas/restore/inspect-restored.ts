import { Manifests } from '../backup/manifests.ts';
import { CopyUnusable, messageOf, NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { Postgres } from '../resources/postgres.ts';
import { readHeartbeat } from '../resources/postgres-contents.ts';
import { inspect, isDamage } from '../resources/postgres-integrity.ts';
import { differences, RdsInstances } from '../resources/rds-instances.ts';
import { protectedDatabase, REQUESTED_TAG } from '../verification/copies.ts';
import { restoredName, restoreRun } from './restoring.ts';

/**
 * Looks into the restored database with the checks of a verification, and compares its settings with those of the one beside it.
 * @throws NotReady until it answers, CopyUnusable when it answers with damage.
 */
export const inspectRestored = defineStep({
  name: 'inspect-restored',
  input: restoreRun,
  throws: [NotReady, CopyUnusable],
  build: ({ ledger }) => ({ manifests: new Manifests(ledger), instances: new RdsInstances() }),
  run: async ({ workload, request }, { plan, site, manifests, instances, now }) => {
    if (request.dryRun) return { would: 'check its contents, and compare its settings' };
    const { config, policy } = protectedDatabase(plan, { workload, database: request.database });
    const { assertions, checkTimeoutSeconds } = policy.verification;
    const known = await instances.list();
    const restored = known.get(restoredName(plan, request));
    if (!restored?.host) throw new NotReady(`${restoredName(plan, request)} has no endpoint yet`);
    const { port, databaseName, secret, tls } = config;
    const postgres = new Postgres({
      host: async () => restored.host!,
      port,
      databaseName,
      secret,
      tls,
      queryTimeoutMs: checkTimeoutSeconds * 1000,
    });
    try {
      return await postgres.with(async (client) => {
        const reachesTo = await readHeartbeat(client);
        const restoreSeconds = Math.round(now() - Date.parse(restored.tags[REQUESTED_TAG] ?? '')) / 1000;
        const checks = await inspect(client, await manifests.find(request.point.id), assertions);
        return {
          endpoint: restored.host,
          reachesTo,
          restoreSeconds,
          checks,
          settings: differences(known.get(config.instances[site])?.settings, restored.settings),
        };
      });
    } catch (error) {
      const damaged = [error, (error as Error).cause].find(isDamage);
      if (damaged) throw new CopyUnusable(`${restored.id}: ${messageOf(damaged)}`, { cause: error });
      throw error;
    }
  },
});
export const handler = inspectRestored.handler;
