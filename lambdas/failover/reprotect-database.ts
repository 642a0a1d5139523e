import { NotReady } from '../kit/errors.ts';
import { workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';
import { databasesOf } from '../resources/database.ts';

/**
 * Backups on at the new writer. The way back, a replica in the site that was left, is built by that site's own reconciler as soon as
 * it can: nothing here waits for a region that may be gone.
 * @throws NotReady while the instance is busy.
 */
export const reprotectDatabase = defineStep({
  name: 'reprotect-database',
  input: workloadRun,
  throws: [NotReady],
  build: ({ plan, now, sleep, site }) => ({
    databasesFor: (name: string) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
  }),
  run: async ({ workload, request }, { databasesFor }) => {
    if (request.dryRun) return { would: 'switch backups on at the new writer' };
    const protectedDatabases = await Promise.all(
      databasesFor(workload).map(async (database) => ({ name: database.name, ...(await database.protect()) })),
    );
    return { databases: protectedDatabases, wayBack: 'queued: built by the reconciler of the site that was left' };
  },
});
export const handler = reprotectDatabase.handler;
