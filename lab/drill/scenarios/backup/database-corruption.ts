import path from 'node:path';
import type { Drill } from '../../drill.ts';
import { IntegrityView } from '../../integrity.ts';
import { everythingKept, lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, standbyIsRebuilt } from '../../restores.ts';
import { query } from '../../rows.ts';
import type { Scenario } from '../../scenario.ts';
import { flipByte } from '../../snapshot-files.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 300, rpoSeconds: 60 };
const FOUND_WITHIN_MS = 240_000;
const PAGE_BYTES = 8_192;
/** Three times what the server keeps in memory: a page of the beginning is read from the file. */
const BATCHES = 12;
const ROWS_A_BATCH = 4_000;
const DAMAGED_BLOCK = 100;

export const databaseCorruption: Scenario = {
  name: 'database-corruption',
  title: "A page of the live database's file is damaged",
  story:
    'A page that no request reads is damaged on disk, in the active site alone. The integrity watch finds it while all is well for clients; writes are stopped, the database is restored from ' +
    'its backup and its log to just before, checked, and put in place. The damaged one is kept, and every row of the damaged table is there again.',
  objectives,
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new IntegrityView(drill);
    const home = new Machines(drill, drill.primary);
    const here = drill.at(drill.primary);
    await makeArchive(drill);
    const sum = await sumOfArchive(drill);
    const since = Date.now();
    const isLater = ({ lastPassedAt = '' }: { lastPassedAt?: string }) => Date.parse(lastPassedAt) > since;
    await view.check('all pages have passed', 'pages in primary', isLater, FOUND_WITHIN_MS);
    const [file] = await query<{ file: string }>(
      here,
      `SELECT current_setting('data_directory') || '/' || pg_relation_filepath('archive') AS file`,
    );
    await drill.mend(`Block ${DAMAGED_BLOCK} of a table is damaged on disk`, () =>
      flipByte(path.resolve(file!.file), DAMAGED_BLOCK * PAGE_BYTES + PAGE_BYTES / 2),
    );
    const damagedAt = Date.now();
    const found = await view.check('damage is found', 'pages in primary', ({ verdict }) => verdict === 'failed', FOUND_WITHIN_MS);
    drill.note(`found after ${((Date.now() - damagedAt) / 1_000).toFixed(1)} s: ${found.detail}; last good ${found.lastPassedAt}`);
    if (!found.detail?.includes(`block ${DAMAGED_BLOCK}`)) throw new Error(`the finding is: ${found.detail}`);
    await drill.alarms(drill.primary, '-orders-integrity-failed', FOUND_WITHIN_MS);
    await drill.fault('A person stops the writes and restores to this moment, in place', () => undefined);
    // The log is whole: damage of a page is not in it, and the newest moment loses least.
    const at = new Date(Date.now() - 1_000).toISOString();
    await restoreInPlace(drill, home, { target: { at }, reason: `pages in primary: ${found.detail}` });
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    const after = await sumOfArchive(drill);
    if (after !== sum) throw new Error(`the damaged table had ${sum}, and has ${after}`);
    await standbyIsRebuilt(drill, new BackupView(drill, ENVIRONMENT), drill.recovery, drill.at(drill.recovery).site.instance);
    const restoredAt = Date.now();
    const passes = ({ verdict, lastPassedAt = '' }: { verdict: string; lastPassedAt?: string }) =>
      verdict === 'passed' && Date.parse(lastPassedAt) > restoredAt - 120_000;
    await view.check('all pages pass again', 'pages in primary', passes, FOUND_WITHIN_MS);
    home.close();
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    everythingKept(),
    servedBy('primary'),
    nothingTaken(),
  ],
};

/** A table that the application only ever wrote. What the server would do to it by itself is off: it would read pages into memory. */
async function makeArchive(drill: Drill): Promise<void> {
  await drill.sql(drill.primary, 'CREATE TABLE archive (id bigint PRIMARY KEY, paper text NOT NULL) WITH (autovacuum_enabled = false)');
  for (let batch = 0; batch < BATCHES; batch++) {
    const [from, to] = [batch * ROWS_A_BATCH + 1, (batch + 1) * ROWS_A_BATCH];
    await drill.sql(drill.primary, `INSERT INTO archive SELECT n, repeat(md5(n::text), 32) FROM generate_series(${from}, ${to}) n`);
  }
  await drill.sql(drill.primary, 'CHECKPOINT');
}

const sumOfArchive = async (drill: Drill): Promise<string> => {
  const sql = `SELECT count(*) || ' rows, sum ' || sum(hashtextextended(t::text, 0)::numeric) AS sum FROM archive t`;
  return (await query<{ sum: string }>(drill.at(drill.primary), sql))[0]!.sum;
};
