import { messageOf, NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { defineStep } from '../kit/step.ts';
import { settleContents } from '../resources/postgres-contents.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { atMost, backupRun, inParallel, jobsOf } from './jobs.ts';
import { Manifests } from './manifests.ts';
import { BUDGET_MS, connectionTo, LOGGED, READ_MS } from './take-manifests.ts';

const AT_ONCE = 4;

/**
 * Looks a second time, now that the snapshots are complete: a table that still holds all it held at the first look held it at every moment
 * between, the snapshot's included. So a restore can be compared exactly, though the workload writes on.
 * @throws NotReady while databases are left to be read.
 */
export const settleManifests = defineStep({
  name: 'settle-manifests',
  input: backupRun,
  throws: [NotReady],
  build: ({ ledger }) => ({ manifests: new Manifests(ledger), instances: new RdsInstances() }),
  run: async ({ request }, { plan, site, manifests, instances, now }) => {
    const jobs = jobsOf(plan, site, request);
    const found = await inParallel(jobs, async (job) => ({ job, contents: await manifests.find(job.id) }));
    const open = found.flatMap(({ job, contents }) =>
      contents?.tables.some(({ settled }) => settled === undefined) ? [{ job, contents }] : [],
    );
    const known = open.length > 0 ? await instances.list() : new Map();
    const unsettled: string[] = [];
    const later = await atMost(open, { atOnce: AT_ONCE, until: now() + BUDGET_MS, now }, async ({ job, contents }) => {
      const host: string | undefined = known.get(job.instance)?.host;
      const settle = host
        ? connectionTo(job.config, host).with((client) => settleContents(client, contents, { until: now() + READ_MS, now }))
        : Promise.reject(new Error(`${job.instance} has no endpoint`));
      await settle
        .then((settled) => manifests.save(job.id, settled))
        .catch((error: unknown) => unsettled.push(`${job.id}: ${messageOf(error)}`));
    });
    if (unsettled.length > 0)
      log('manifests-unsettled', { run: request.run, of: jobs.length, number: unsettled.length, unsettled: unsettled.slice(0, LOGGED) });
    if (later.length > 0) throw new NotReady(`${later.length} of ${jobs.length} databases are still to be read again`);
    return { settled: open.length - unsettled.length, of: jobs.length };
  },
});
export const handler = settleManifests.handler;
