import { setTimeout as sleep } from 'node:timers/promises';
import type { Drill } from '../drill.ts';
import { crashDatabase } from '../faults/crash.ts';
import { everythingKept, lossWithin, noRun, oneWriter, outageWithin, servedBy, wasFelt } from '../judge/promises.ts';
import { query } from '../rows.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 30, rpoSeconds: 0 };
const OPEN_WITHIN_MS = 4_000;
const OPEN_TRANSACTION = `BEGIN;
  INSERT INTO orders (id, client, amount, site) VALUES ('never-committed', 'drill', 1, 'drill');
  SELECT pg_sleep(60);`;

/** A transaction that has written and waits; it ends with the crash. */
async function leaveOpen(drill: Drill): Promise<void> {
  void drill.sql(drill.primary, OPEN_TRANSACTION).catch(() => {});
  const deadline = Date.now() + OPEN_WITHIN_MS;
  while (Date.now() < deadline) {
    const waiting = await query(drill.at(drill.primary), "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    if (waiting.length > 0) return;
    await sleep(50);
  }
  throw new Error('the transaction that was to be left open did not begin');
}

export const crashBeforeCommit: Scenario = {
  name: 'crash-before-commit',
  title: 'A crash between a write and its commit',
  story:
    'A transaction has written an order and not committed it when the database server crashes. Nothing that was acknowledged is lost, ' +
    'and the order that nobody was promised is not there.',
  objectives,
  group: 'safety',
  async run(drill) {
    await leaveOpen(drill);
    await drill.fault('The database server crashes with a transaction open', () => crashDatabase(drill, drill.primary));
    await drill.writes(1_000, { site: drill.primary, boundMs: 90_000 });
  },
  promises: [wasFelt(), noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), everythingKept(), servedBy('primary')],
};
