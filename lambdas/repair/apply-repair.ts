import type pg from 'pg';
import { IncidentInProgress, NotReady, RepairRefused } from '../kit/errors.ts';
import { EvidenceObjects } from '../kit/evidence-objects.ts';
import { type Claim, claimIsLive } from '../kit/lease.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { LEASE_EXPIRED } from '../resources/postgres-lease.ts';
import { inSteadyText, readRecord, type Shape, writeRecord } from '../resources/postgres-records.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { optionsFor } from './compare-records.ts';
import { comparison, type Diff, type Difference, type RepairRun, repairedDatabase, repairRun } from './repairing.ts';

/** A repair that was stopped here keeps the workload from a failover no longer than this; the transaction has given up before. */
const CLAIM_MS = 60_000;
const APPLY_WITHIN_MS = 40_000;
const QUERY_MS = 5_000;
/** What a constraint, a unique key or a trigger refuses. Their detail quotes values: only the code is kept. */
const REFUSED_BY_DATABASE = /^(2[23]|P0)/;
const LOCK_NOT_AVAILABLE = '55P03';

interface Services {
  instances: Pick<RdsInstances, 'list'>;
  evidence: Pick<EvidenceObjects, 'load'>;
  connect: (options: PostgresOptions) => Pick<Postgres, 'with'>;
}

/**
 * Carries the approved rows over, in one transaction, under the workload's claim: each row is locked, must be what the diff showed, is
 * written, and must then be what the copy has. A repair that is done already says so.
 * @throws RepairRefused when a row is another one than the diff showed, or the database refuses one: nothing was done.
 * @throws IncidentInProgress while another run works on the workload, NotReady while the database does not answer or a row is locked.
 */
export const applyRepair = defineStep({
  name: 'apply-repair',
  input: repairRun.extend({ diff: comparison }),
  throws: [RepairRefused, IncidentInProgress, NotReady],
  build: (): Services => ({
    instances: new RdsInstances(),
    evidence: new EvidenceObjects(),
    connect: (options) => new Postgres(options),
  }),
  run: async ({ workload, request, diff: { changes, object, sha256 } }, services) => {
    const { plan, site, instances, evidence, ledger, connect, now } = services;
    if (request.dryRun) return { would: `carry ${changes} rows over from ${request.from}`, carriedOver: 0 };
    if (!object || !sha256) throw new RepairRefused('the comparison left no diff to carry over');
    const diff = await evidence.load<Diff>(object, sha256);
    const config = repairedDatabase(plan, workload, request.database);
    const host = (await instances.list()).get(config.instances[site])?.host;
    if (!host) throw new NotReady(`${config.instances[site]} has no endpoint`);
    await claim({ workload, request }, services);
    try {
      return await connect(optionsFor(config, host, QUERY_MS)).with((client) =>
        carryOver(client, diff, { until: now() + APPLY_WITHIN_MS, now }),
      );
    } finally {
      // It ends by itself in a minute; what was done, or why not, must not be hidden by it.
      await ledger.dropClaim(workload, request.incident).catch(() => undefined);
    }
  },
});
export const handler = applyRepair.handler;

/** For the time of the transaction alone: a repair that waits for a person keeps nobody from a failover. */
const claim = async ({ workload, request }: RepairRun, { site, ledger, now }: Base): Promise<void> => {
  const lease = await ledger.lease(workload);
  if (lease?.holder !== site || lease.released) throw new RepairRefused(`'${workload}' is not active in site '${site}' any more`);
  const { incident } = request;
  if (claimIsLive(lease, now()) && lease.claim?.execution !== incident)
    throw new IncidentInProgress(`run ${lease.claim?.incident} works on '${workload}'`);
  const wanted: Claim = { site, incident, execution: incident, mode: 'repair', expiresAt: now() + CLAIM_MS };
  if (!(await ledger.claim(lease, wanted, now()))) throw new IncidentInProgress(`another run claimed '${workload}' at the same moment`);
};

/** When a repair gives up, so that it cannot commit after its claim, and a fence that came then. */
interface Bound {
  until: number;
  now: () => number;
}

const carryOver = async (client: pg.ClientBase, { tables }: Diff, bound: Bound): Promise<{ carriedOver: number; already: boolean }> => {
  const all = tables.flatMap(({ table, key, columns, rows }) => rows.map((row) => ({ shape: { table, key, columns }, row })));
  try {
    return await inSteadyText(client, 'READ WRITE', async () => {
      const found = await lockAll(client, all, bound);
      if (all.every(({ row }, i) => found[i] === row.copyDigest)) return { carriedOver: all.length, already: true };
      const moved = all.filter(({ row }, i) => found[i] !== row.liveDigest);
      if (moved.length > 0)
        throw new RepairRefused(
          `${moved.length} of ${all.length} rows are not what the diff showed any more, ${named(moved)}: compare again`,
        );
      for (const { shape, row } of all) {
        requireTime(bound);
        await writeRecord(client, shape, row.action, { key: row.key, values: row.copy });
      }
      const after = await lockAll(client, all, bound);
      const others = all.filter(({ row }, i) => after[i] !== row.copyDigest);
      if (others.length > 0)
        throw new RepairRefused(`${others.length} rows did not become what the copy has, ${named(others)}: does a trigger change them?`);
      return { carriedOver: all.length, already: false };
    });
  } catch (error) {
    throw translate(error);
  }
};

/** Digests of the rows as they are now, null where there is none; nobody else changes them until the transaction ends. */
const lockAll = async (
  client: pg.ClientBase,
  all: readonly { shape: Shape; row: Difference }[],
  bound: Bound,
): Promise<(string | null)[]> => {
  const found: (string | null)[] = [];
  for (const { shape, row } of all) {
    found.push((await readRecord(client, shape, row.key, { lock: true }))?.digest ?? null);
    requireTime(bound);
  }
  return found;
};

const requireTime = ({ until, now }: Bound): void => {
  if (now() > until) throw new NotReady('the transaction took too long, and was rolled back');
};

const named = (rows: readonly { shape: Shape; row: Difference }[]): string =>
  `the first: ${rows[0]!.shape.table} ${JSON.stringify(rows[0]!.row.key).slice(0, 100)}`;

const translate = (error: unknown): unknown => {
  const { code = '', constraint } = error as { code?: string; constraint?: string };
  if (code === LEASE_EXPIRED) return new NotReady('the database lease has expired: nobody may write at this moment');
  if (code === LOCK_NOT_AVAILABLE) return new NotReady('a row is locked by somebody else');
  if (REFUSED_BY_DATABASE.test(code))
    return new RepairRefused(`the database refuses a row: SQLSTATE ${code}${constraint ? `, ${constraint}` : ''}`);
  return error;
};
