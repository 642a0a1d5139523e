import type pg from 'pg';
import { InvalidRequest, NotReady } from '../kit/errors.ts';
import { EvidenceObjects } from '../kit/evidence-objects.ts';
import type { Database } from '../kit/plan.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { inSteadyText, keyText, readDigests, readRecords, type Shape, shapeOf } from '../resources/postgres-records.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG } from '../resources/rds-snapshots.ts';
import {
  type Diff,
  type Difference,
  type RepairRequest,
  type RepairRun,
  repairedDatabase,
  repairRun,
  restoredPrefix,
} from './repairing.ts';

/** A whole table is one statement. */
const QUERY_MS = 60_000;
/** Of each table's rows, in state and messages. */
const SHOWN_ROWS = 20;

interface Services {
  instances: Pick<RdsInstances, 'list'>;
  evidence: Pick<EvidenceObjects, 'save'>;
  connect: (options: PostgresOptions) => Pick<Postgres, 'with'>;
}

/**
 * Compares the named rows in the copy and in the live database, each as of one moment, and keeps the diff, the live rows' values in it as
 * they are now, in the evidence bucket. What leaves this step are counts, keys and names of columns.
 * @throws NotReady while one of them does not answer, InvalidRequest when they cannot be compared, are in neither, or differ in more rows than was allowed.
 */
export const compareRecords = defineStep({
  name: 'compare-records',
  input: repairRun,
  throws: [NotReady],
  build: (): Services => ({
    instances: new RdsInstances(),
    evidence: new EvidenceObjects(),
    connect: (options) => new Postgres(options),
  }),
  run: async ({ workload, request }, services) => {
    const { plan, site, instances, evidence, connect, now } = services;
    if (!request.dryRun) await open({ workload, request }, services);
    const config = repairedDatabase(plan, workload, request.database);
    const known = await instances.list();
    const copy = known.get(request.from);
    if (!copy || copy.tags[OWNER_TAG] !== plan.name || !copy.id.startsWith(restoredPrefix(plan)))
      throw new InvalidRequest(`from: there is no restored instance '${request.from}' of this environment in site '${site}'`);
    const live = known.get(config.instances[site]);
    const at = (host: string | undefined, what: string) => connect(optionsFor(config, requireHost(host, what)));
    const tables = await at(live?.host, config.instances[site]).with((liveClient) =>
      at(copy.host, copy.id).with((copyClient) => compareAll(liveClient, copyClient, request)),
    );
    requireSomewhere(request, tables);
    const changes = tables.reduce((sum, { rows }) => sum + rows.length, 0);
    if (changes > request.maxRows) throw tooMany(changes, request.maxRows);
    const comparedAt = new Date(now()).toISOString();
    const diff: Diff = { incident: request.incident, workload, database: request.database, from: request.from, comparedAt, tables };
    const saved = changes > 0 && !request.dryRun ? await evidence.save(objectOf(workload, request), diff) : undefined;
    return { changes, object: saved?.key ?? null, sha256: saved?.sha256 ?? null, summary: summaryOf(diff) };
  },
});
export const handler = compareRecords.handler;

const tooMany = (changes: number, allowed: number): InvalidRequest =>
  new InvalidRequest(`maxRows: ${changes} rows differ and ${allowed} were allowed; name fewer, or allow more`);

/** @throws InvalidRequest where each key that was named is in neither database: that nothing differs would say that all is well. */
const requireSomewhere = ({ records }: RepairRequest, tables: Diff['tables']): void => {
  if (!tables.every(({ nowhere }, i) => records[i]!.keys?.length === nowhere.length)) return;
  const keys = tables.flatMap(({ table, nowhere }) => nowhere.map((key) => `${table} ${JSON.stringify(key)}`));
  const more = keys.length > SHOWN_ROWS ? `, and ${keys.length - SHOWN_ROWS} more` : '';
  throw new InvalidRequest(`records: neither database has ${keys.slice(0, SHOWN_ROWS).join(', ')}${more}`);
};

const open = async ({ workload, request }: RepairRun, { site, ledger, incidents, now }: Base): Promise<void> => {
  const { incident, reason } = request;
  const epoch = (await ledger.lease(workload))?.epoch ?? 0;
  const openedAt = new Date(now()).toISOString();
  const common = { mode: 'repair', trigger: 'person', from: site, to: site, outcome: 'running' } as const;
  await incidents.open({ ...common, incident, workload, execution: incident, reason, epoch, openedAt });
};

/** One object for each incident: a step that is tried again writes a newer version of it. */
const objectOf = (workload: string, { incident }: RepairRequest): string => `repairs/${workload}/${incident}.json`;

const requireHost = (host: string | undefined, what: string): string => {
  if (host) return host;
  throw new NotReady(`${what} has no endpoint`);
};

export const optionsFor = ({ port, databaseName, secret, tls }: Database, host: string, queryTimeoutMs = QUERY_MS): PostgresOptions => ({
  host: async () => host,
  port,
  databaseName,
  secret,
  tls,
  queryTimeoutMs,
});

const compareAll = (live: pg.ClientBase, copy: pg.ClientBase, { records, maxRows }: RepairRequest): Promise<Diff['tables']> =>
  inSteadyText(live, 'READ ONLY', () =>
    inSteadyText(copy, 'READ ONLY', async () => {
      const tables: Diff['tables'] = [];
      for (const { table, keys } of records) tables.push(await compareTable(live, copy, { table, keys, maxRows }));
      return tables;
    }),
  );

const compareTable = async (
  live: pg.ClientBase,
  copy: pg.ClientBase,
  { table, keys: named, maxRows }: RepairRequest['records'][number] & { maxRows: number },
): Promise<Diff['tables'][number]> => {
  const shape = await shapeOf(live, table);
  const there = await shapeOf(copy, table);
  if (JSON.stringify(shape) !== JSON.stringify(there))
    throw new InvalidRequest(`records: '${table}' has other columns, or another key, in the copy`);
  const { keys, onlyLive: others } = named ? { keys: named, onlyLive: 0 } : await differingKeys(live, copy, shape);
  if (!named && keys.length > maxRows) throw tooMany(keys.length, maxRows);
  const [liveRows, copyRows] = [await readRecords(live, shape, keys), await readRecords(copy, shape, keys)];
  const rows: Difference[] = [];
  let onlyLive = others;
  const nowhere: string[][] = [];
  for (const key of keys) {
    const [from, to] = [liveRows.get(keyText(key)), copyRows.get(keyText(key))];
    if (!to && from) onlyLive++;
    if (!to && !from) nowhere.push(key);
    if (!to || from?.digest === to.digest) continue;
    const columns = shape.columns.filter((_, i) => !from || from.values[i] !== to.values[i]);
    const digests = { liveDigest: from?.digest ?? null, copyDigest: to.digest };
    rows.push({ key: to.key, action: from ? 'update' : 'insert', columns, ...digests, live: from?.values ?? null, copy: to.values });
  }
  return { table: shape.table, key: shape.key, columns: shape.columns, rows, onlyLive, nowhere };
};

/** Rows that the copy has and the live database has otherwise, or not. What is only live is left alone, and counted. */
const differingKeys = async (live: pg.ClientBase, copy: pg.ClientBase, shape: Shape): Promise<{ keys: string[][]; onlyLive: number }> => {
  const [here, there] = [await readDigests(live, shape), await readDigests(copy, shape)];
  const keys = [...there].filter(([key, { digest }]) => here.get(key)?.digest !== digest).map(([, { key }]) => key);
  return { keys, onlyLive: [...here.keys()].filter((key) => !there.has(key)).length };
};

/** Counts, keys, names of columns. */
const summaryOf = ({ tables }: Diff) =>
  tables.map(({ table, rows, onlyLive, nowhere }) => ({
    table,
    updates: rows.filter(({ action }) => action === 'update').length,
    inserts: rows.filter(({ action }) => action === 'insert').length,
    onlyLive,
    nowhere: nowhere.length,
    nowhereKeys: nowhere.slice(0, SHOWN_ROWS),
    rows: rows.slice(0, SHOWN_ROWS).map(({ key, action, columns }) => ({ key, action, columns })),
  }));
