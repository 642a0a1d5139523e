import { DatabaseUnrecoverable, LeaseLost, NotReady } from '../kit/errors.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';
import { databasesOf } from '../resources/database.ts';

/**
 * Makes the standby databases writers, all at once, and is done when each has accepted a write: `available` proves nothing.
 * @throws NotReady until then, LeaseLost if this site does not hold the lease, DatabaseUnrecoverable for a state that does not pass.
 */
export const promoteDatabase = defineStep({
  name: 'promote-database',
  input: workloadRun,
  throws: [NotReady, LeaseLost, DatabaseUnrecoverable],
  build: ({ plan, now, sleep, site }) => ({
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async ({ workload: name, request }, { site, ledger, databasesFor }) => {
    const databases = databasesFor(name);
    if (request.dryRun) {
      const roles = await Promise.all(databases.map(async (database) => `${database.name}: ${await database.role()}`));
      return { would: `promote ${roles.join(', ')}` };
    }
    const lease = await ledger.lease(name);
    if (lease?.holder !== site) throw new LeaseLost(`site '${site}' does not hold the lease of '${name}'`);
    const results = await Promise.allSettled(databases.map((database) => database.promote()));
    const failed = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    // A terminal failure outranks 'not yet'.
    if (failed.length > 0) throw failed.find((error) => !(error instanceof NotReady)) ?? failed[0];
    return { databases: databases.map((database) => database.name) };
  },
});
export const handler = promoteDatabase.handler;
