import { messageOf, NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres } from '../resources/postgres.ts';
import { readContents } from '../resources/postgres-contents.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { atMost, backupRun, inParallel, type Job, jobsOf } from './jobs.ts';
import { Manifests } from './manifests.ts';

/** Begins no database after this; one that is begun ends by `READ_MS`. */
export const BUDGET_MS = 60_000;
export const READ_MS = 90_000;
export const QUERY_MS = 60_000;
/** What a reader looks at of many. */
export const LOGGED = 20;
const AT_ONCE = 4;

/**
 * Writes down what each database holds just before its snapshot: rows in number and sum by table, schema, heartbeat. A database that
 * cannot be read is backed up all the same; its recovery point then stays unproven, and that has its alarm. It is tried once in a run: where
 * many cannot be read, they would keep the time from the others.
 * @throws NotReady while databases are left to be read.
 */
export const takeManifests = defineStep({
  name: 'take-manifests',
  input: backupRun,
  throws: [NotReady],
  build: ({ ledger }) => ({ manifests: new Manifests(ledger), instances: new RdsInstances() }),
  run: async ({ request }, services) => {
    const { plan, site, manifests, instances, now } = services;
    const jobs = jobsOf(plan, site, request);
    const found = await inParallel(jobs, async (job) => ((await manifests.isSettled(job.id)) ? [] : [job]));
    const missing = found.flat();
    const known = missing.length > 0 ? await instances.list() : new Map();
    const unread: string[] = [];
    const later = await atMost(missing, { atOnce: AT_ONCE, until: now() + BUDGET_MS, now }, async (job) => {
      const host: string | undefined = known.get(job.instance)?.host;
      const read = host ? readOne(job, host, services) : Promise.reject(new Error(`${job.instance} has no endpoint`));
      await read
        .then((contents) => manifests.save(job.id, contents))
        .catch(async (error: unknown) => {
          const because = messageOf(error);
          unread.push(`${job.id}: ${because}`);
          await manifests.giveUp(job.id, because).catch(() => {}); // Then it is tried once more.
        });
    });
    if (unread.length > 0)
      log('manifests-missing', { run: request.run, of: jobs.length, number: unread.length, unread: unread.slice(0, LOGGED) });
    if (later.length > 0) throw new NotReady(`${later.length} of ${jobs.length} databases are still to be read`);
    return { read: jobs.length - unread.length, of: jobs.length };
  },
});
export const handler = takeManifests.handler;

const readOne = ({ config }: Job, host: string, { now }: Base) =>
  connectionTo(config, host).with((client) => readContents(client, { until: now() + READ_MS, now }));

/** Lifeboat's own login at a host, with time for long queries. */
export const connectionTo = ({ port, databaseName, secret, tls }: Job['config'], host: string): Postgres =>
  new Postgres({ host: async () => host, port, databaseName, secret, tls, queryTimeoutMs: QUERY_MS });
