import { z } from 'zod';
import { atMost } from '../backup/jobs.ts';
import { InvalidRequest, messageOf, NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { isOnlyRound, momentOf } from '../resources/postgres-live-checks.ts';
import { type Instance, RdsInstances } from '../resources/rds-instances.ts';
import { advance } from './advance.ts';
import { type CheckRecord, CheckRecords, checksOf, newRecord, recordName, watchedDatabases } from './check-records.ts';
import { restoreOffer } from './offer.ts';

/** Begins no database after this; the function's timeout leaves room for one more with the longest budget. */
const ROUND_MS = 480_000;
const AT_ONCE = 4;

interface Services {
  records: CheckRecords;
  instances: Pick<RdsInstances, 'list'>;
  tell: Tell;
  connect: (options: PostgresOptions) => Pick<Postgres, 'with'>;
}
type Watched = ReturnType<typeof watchedDatabases>[number];

/**
 * One round of the checks of this site's live databases: of those that the schedule is for, or of those that a person names. What fails is told at once, with the
 * restore that would undo it. A database that cannot be reached, or a check that cannot run, says nothing: that it is overdue is an alarm of its own.
 * @throws InvalidRequest when a person names what nobody watches: a round over nothing would look like one that found nothing.
 */
export const checkIntegrity = defineStep({
  name: 'check-integrity',
  input: z.strictObject({
    schedule: z.string().optional(),
    timeZone: z.string().optional(),
    workload: z.string().optional(),
    database: z.string().optional(),
  }),
  throws: [],
  build: ({ ledger }): Services => ({
    records: new CheckRecords(ledger),
    instances: new RdsInstances(),
    tell: notifier(),
    connect: (options) => new Postgres(options),
  }),
  run: async (asked, services) => {
    const { plan, records, instances, now } = services;
    const due = namedBy(asked, watchedDatabases(plan)).filter(
      ({ policy }) => (asked.schedule ?? policy.schedule) === policy.schedule && (asked.timeZone ?? policy.timeZone) === policy.timeZone,
    );
    const known = await Promise.all(due.map(async (watched) => ({ watched, found: await records.list(watched) })));
    // Those that were looked at longest ago come first: no database starves behind others.
    known.sort((a, b) => lastRunOf(a.found).localeCompare(lastRunOf(b.found)));
    const hosts = due.length > 0 ? await instances.list() : new Map<string, Instance>();
    const rounds: Record<string, string | Record<string, string>> = {};
    const later = await atMost(known, { atOnce: AT_ONCE, until: now() + ROUND_MS, now }, async ({ watched, found }) => {
      const name = `${watched.workload}/${watched.database}`;
      rounds[name] = await checkDatabase(watched, found, hosts, services).catch((error: unknown) => messageOf(error));
    });
    log('integrity', { rounds, later: later.length });
    return { rounds, later: later.length };
  },
});
export const handler = checkIntegrity.handler;

const namedBy = (asked: { workload?: string; database?: string }, watched: Watched[]): Watched[] => {
  const found = watched.filter(
    ({ workload, database }) => (asked.workload ?? workload) === workload && (asked.database ?? database) === database,
  );
  if (found.length > 0 || (asked.workload === undefined && asked.database === undefined)) return found;
  const known = watched.map(({ workload, database }) => `${workload}/${database}`).join(', ');
  const field = asked.database === undefined ? 'workload' : 'database';
  throw new InvalidRequest(`${field}: '${asked[field]}' is not watched; watched, as workload/database: ${known || 'none'}`);
};

const lastRunOf = (found: Map<string, CheckRecord>): string =>
  [...found.values()].reduce((newest, { lastRunAt = '' }) => (lastRunAt > newest ? lastRunAt : newest), '');

/** Verdicts by check, or why there are none. */
const checkDatabase = async (
  watched: Watched,
  found: Map<string, CheckRecord>,
  hosts: Map<string, Instance>,
  { site, ledger, now, records, tell, connect, plan }: Base & Services,
): Promise<string | Record<string, string>> => {
  const { config, policy, workload } = watched;
  const lease = await ledger.lease(workload);
  if (!lease) return 'has no lease yet';
  const isActive = lease.holder === site;
  const host = hosts.get(config.instances[site])?.host;
  if (!host) return `${config.instances[site]} has no endpoint`;
  const { port, databaseName, secret, tls } = config;
  const queryTimeoutMs = policy.statementTimeoutSeconds * 1_000;
  const postgres = connect({ host: async () => host, port, databaseName, secret, tls, queryTimeoutMs });
  return postgres.with(async (client) => {
    const { standby, at } = await momentOf(client);
    // A former writer that was not rebuilt yet would show rows of another time.
    if (standby === isActive) throw new NotReady(`is ${standby ? 'a standby' : 'a writer'} in the ${isActive ? 'active' : 'standby'} site`);
    if (!at) throw new NotReady('has replayed nothing yet');
    if (!(await isOnlyRound(client))) return 'another round is under way';
    const verdicts: Record<string, string> = {};
    const until = now() + policy.budgetSeconds * 1_000;
    const checks = checksOf(policy, isActive).map((check) => ({ check, before: found.get(recordName(check, site)) }));
    checks.sort((a, b) => (a.before?.lastRunAt ?? '').localeCompare(b.before?.lastRunAt ?? ''));
    for (const { check, before } of checks) {
      const name = recordName(check, site);
      if (now() >= until) {
        verdicts[name] = 'later';
        continue;
      }
      const record = await advance(before ?? newRecord(name, now()), await check.begin(client), { of: at, until, now });
      if (record.verdict === 'failed' && before?.verdict !== 'failed') {
        const { detail, lastPassedAt } = record;
        const restore = config.backup && restoreOffer(plan.name, watched, record);
        await tell(`${workload}: ${name} failed`, {
          workload,
          database: watched.database,
          site,
          check: name,
          detail,
          lastPassedAt,
          restore,
        });
      }
      await records.save(watched, record);
      verdicts[name] = record.verdict;
    }
    return verdicts;
  });
};
