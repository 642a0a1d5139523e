import { Manifests } from '../backup/manifests.ts';
import { CopyUnusable, messageOf, NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { Postgres } from '../resources/postgres.ts';
import { readHeartbeat } from '../resources/postgres-contents.ts';
import { inspect, isDamage } from '../resources/postgres-integrity.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { copyName, copyRun, protectedDatabase, REQUESTED_TAG } from './copies.ts';

/**
 * Looks into the restored copy, standing in the isolated network: what it reaches to, whether it is what the backup recorded, whether
 * every page and index can be read, and what the environment asserts. Only names, counts and times leave it.
 * @throws NotReady until it answers, CopyUnusable when it answers with damage.
 */
export const inspectCopy = defineStep({
  name: 'inspect-copy',
  input: copyRun,
  throws: [NotReady, CopyUnusable],
  build: ({ ledger }) => ({
    manifests: new Manifests(ledger),
    instances: new RdsInstances(),
    connect: (options: ConstructorParameters<typeof Postgres>[0]) => new Postgres(options),
  }),
  run: async ({ run, point }, { plan, manifests, instances, connect, now }) => {
    const { config, policy } = protectedDatabase(plan, point);
    const { assertions, checkTimeoutSeconds } = policy.verification;
    const [expected, known] = await Promise.all([manifests.find(point.id), instances.list()]);
    const copy = known.get(copyName(plan, run, point));
    if (!copy?.host) throw new NotReady(`${copyName(plan, run, point)} has no endpoint yet`);
    const { port, databaseName, secret, tls } = config;
    const postgres = connect({ host: async () => copy.host!, port, databaseName, secret, tls, queryTimeoutMs: checkTimeoutSeconds * 1000 });
    try {
      return await postgres.with(async (client) => {
        const reachesTo = await readHeartbeat(client);
        const restoreSeconds = secondsBetween(copy.tags[REQUESTED_TAG], now());
        const measuredRpoSeconds = secondsBetween(reachesTo, Date.parse(point.dueAt));
        return { restoreSeconds, measuredRpoSeconds, checks: await inspect(client, expected, assertions) };
      });
    } catch (error) {
      const damaged = [error, (error as Error).cause].find(isDamage);
      if (damaged) throw new CopyUnusable(`${copy.id}: ${messageOf(damaged)}`, { cause: error });
      throw error;
    }
  },
});
export const handler = inspectCopy.handler;

const secondsBetween = (from: string | undefined, to: number): number | undefined =>
  from === undefined ? undefined : Math.max(0, Math.round(to - Date.parse(from)) / 1000);
