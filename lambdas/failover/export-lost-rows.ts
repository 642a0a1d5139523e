import { z } from 'zod';
import { messageOf, NotReady } from '../kit/errors.ts';
import { gatherRecord, recordWriter, type SaveRecord } from '../kit/evidence.ts';
import type { Incident } from '../kit/incidents.ts';
import { log } from '../kit/log.ts';
import { isDue, type LossCounts, type LostRowsSearch, LostRowsSearches, sumOf } from '../kit/lost-rows.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { workloadOf } from '../kit/plan.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { type DatabaseAdapter, databasesOf } from '../resources/database.ts';
import { type LostRowsExport, lostRowsExport } from '../resources/lost-rows-bucket.ts';

/** The function's timeout is 15 minutes; a table that was begun may take ten. */
const BEGIN_TABLES_FOR_MS = 240_000;
/** The move that made a writer a former one is among the newest incidents. */
const INCIDENTS_SEARCHED = 200;
/** What this way of searching cannot see; goes with every result. */
const NOT_FOUND = 'deletes, TRUNCATE, DDL, sequences, large objects and unlogged tables; the former writer is kept';

interface Services {
  databasesFor: (workload: string) => DatabaseAdapter[];
  exportTo: (folder: string) => LostRowsExport;
  save: SaveRecord;
  tell: Tell;
}

/**
 * Searches each former writer of this site for rows that its successor never had: counts them by table, exports them into a bucket of
 * their own, and says so in the ledger, in the incident's record and to people. One that cannot be searched yet is tried again with the
 * next minute's call; the instance itself is kept whatever comes of it.
 */
export const exportLostRows = defineStep({
  name: 'export-lost-rows',
  input: z.unknown(),
  throws: [],
  build: ({ plan, now, sleep, site }): Services => ({
    databasesFor: (name) => databasesOf(workloadOf(plan, name), { plan, now, sleep }, site),
    exportTo: (folder) => lostRowsExport(folder),
    save: recordWriter(),
    tell: notifier(),
  }),
  run: async (_, services) => {
    const { plan, site, ledger, now } = services;
    const searches = new LostRowsSearches(ledger);
    const all = (await Promise.all(plan.workloads.map(({ name }) => searches.all(name)))).flat();
    const due = all.filter((search) => search.site === site && isDue(search, now()));
    const states: Record<string, string> = {};
    // One after the other: a table's rows are held in memory.
    for (const search of due) states[`${search.workload}/${search.database}@${search.epoch}`] = await attempt(search, searches, services);
    return { states };
  },
});
export const handler = exportLostRows.handler;

const attempt = async (search: LostRowsSearch, searches: LostRowsSearches, services: Base & Services): Promise<string> => {
  const { now } = services;
  try {
    await searches.note(search, { state: 'searching', startedAt: new Date(now()).toISOString() });
    return await searchOne(search, searches, services);
  } catch (error) {
    log('lost-rows-search-failed', { workload: search.workload, database: search.database, error: messageOf(error) });
    // What is not there yet is asked for again in a minute; another failure rests until it counts as abandoned.
    if (error instanceof NotReady) await searches.note(search, { state: 'queued' });
    return messageOf(error);
  }
};

const searchOne = async (search: LostRowsSearch, searches: LostRowsSearches, services: Base & Services): Promise<string> => {
  const { databasesFor, exportTo, now } = services;
  const { workload, database: name, epoch, site, instance } = search;
  const database = databasesFor(workload).find((each) => each.name === name);
  if (!database) throw new Error(`database '${name}' of '${workload}' is in the environment no more; ${instance} is kept`);
  const target = exportTo(`${workload}/${name}/before-epoch-${epoch}`);
  const tables: Record<string, LossCounts> = { ...search.tables };
  const result = await database.searchLostRows(epoch, {
    done: new Set(Object.keys(tables)),
    take: target.take,
    finish: async (loss) => {
      await target.finish(loss);
      const { table, ...counts } = loss;
      tables[table] = counts;
      await searches.note(search, { tables });
    },
    until: now() + BEGIN_TABLES_FOR_MS,
    now,
  });
  const finishedAt = new Date(now()).toISOString();
  if (result.state === 'nothing-kept') {
    await searches.note(search, { state: 'nothing-kept', finishedAt });
    await report({ ...search, state: 'nothing-kept', finishedAt }, services);
    return 'nothing-kept';
  }
  const { unread, end } = result;
  const replicatedTo = end === 'none' ? undefined : end.at;
  const counts = sumOf(tables);
  const manifest = await target.close({
    workload,
    database: name,
    site,
    instance,
    epoch,
    replicatedTo,
    ...counts,
    tables,
    unread,
    notFound: NOT_FOUND,
  });
  const state = unread.length > 0 ? ('incomplete' as const) : ('done' as const);
  const found = { state, ...counts, tables, unread, replicatedTo, manifest, finishedAt, tries: (search.tries ?? 0) + 1 };
  await searches.note(search, found);
  await report({ ...search, ...found }, services);
  return state;
};

/** Into the incident's record, and to people: counts and where the rows are, never a row. */
const report = async (search: LostRowsSearch, services: Base & Services): Promise<void> => {
  const { incidents, plan, save, tell } = services;
  const { workload, database, instance, state, absent, differs, uncompared, unread, replicatedTo, manifest, finishedAt } = search;
  const facts = { database, instance, state, absent, differs, uncompared, unsearchedTables: unread?.length ?? 0, replicatedTo, manifest };
  const incident = await incidentOf(search, services);
  if (incident) {
    const lostRows = { ...(incident as Incident & { lostRows?: object }).lostRows, [database]: facts };
    await incidents.note(incident.incident, workload, { lostRows });
    await incidents.append(incident.incident, workload, { at: finishedAt!, step: 'export-lost-rows', state: 'succeeded', detail: facts });
    await save(await gatherRecord(incidents, incident.incident, workload, workloadOf(plan, workload).objectives));
  }
  await tell(subjectOf(search), { incident: incident?.incident, workload, ...facts, notFound: NOT_FOUND });
};

const subjectOf = ({ workload, state, absent = 0, differs = 0, uncompared = 0 }: LostRowsSearch): string => {
  if (state === 'nothing-kept') return `${workload}: the former writer is gone, lost rows cannot be searched`;
  const rows = absent + differs + uncompared;
  const found = rows === 0 ? 'no row of the former writer is lost' : `${rows} rows of the former writer exported`;
  return `${workload}: ${found}${state === 'incomplete' ? ', search incomplete' : ''}`;
};

/**
 * The run whose take made the writer a former one: the last take up to the first epoch in which it did not write. The new holder may have
 * taken its own lease anew since. Nothing when it is not among the newest.
 */
const incidentOf = async ({ workload, epoch, site }: LostRowsSearch, { ledger, incidents }: Base): Promise<Incident | undefined> => {
  const index = await ledger.list('incident#index', { limit: INCIDENTS_SEARCHED, newestFirst: true });
  let last: (Incident & { takenEpoch: number }) | undefined;
  for (const entry of index) {
    if (entry.workload !== workload) continue;
    const incident = await incidents.find(String(entry.incident), workload);
    const { takenEpoch } = incident ?? {};
    if (takenEpoch === undefined || takenEpoch > epoch || takenEpoch <= (last?.takenEpoch ?? 0)) continue;
    last = { ...incident!, takenEpoch };
    if (takenEpoch === epoch) break;
  }
  return last?.to === site ? undefined : last;
};
