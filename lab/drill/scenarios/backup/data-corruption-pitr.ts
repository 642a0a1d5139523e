import { everythingKept, lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { aroundMoment, nextWholeSecond } from '../../moments.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, standbyIsRebuilt } from '../../restores.ts';
import { query } from '../../rows.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 240, rpoSeconds: 120 };
/** No order of the client is of this amount. */
const CORRUPT = 999_999_999;

export const dataCorruptionPitr: Scenario = {
  name: 'data-corruption-pitr',
  title: 'A release corrupts every order, and the database goes back to the second before',
  story:
    'A bad release overwrites the amount of every order, in both regions, since the standby follows. A person restores the database in place to ' +
    'the second before. Writes stop, the corrupt database is kept, and under the same endpoint every order that was acknowledged by then is as it was.',
  objectives,
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const live = drill.at(drill.primary);
    await drill.writes(200, { site: drill.primary, boundMs: 30_000 });
    const moment = await nextWholeSecond(drill);
    await drill.fault('A release overwrites every order', () => query(live, 'UPDATE orders SET amount = $1', [CORRUPT]));
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    const askedAt = Date.now();
    await restoreInPlace(drill, home, { target: { at: moment.toISOString() }, reason: 'corrupted by a release' });
    const { missing, early, inFlight, present } = await aroundMoment(drill, live.site.databaseHost, moment, askedAt);
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    const [corrupt] = await query<{ n: number }>(live, 'SELECT count(*)::int AS n FROM orders WHERE amount = $1', [CORRUPT]);
    drill.note(
      `back at ${moment.toISOString()}: ${present} orders, ${corrupt!.n} corrupt; ${missing.length} missing, ${early.length} too late, ${inFlight} under way at T`,
    );
    if (corrupt!.n > 0 || missing.length > 0 || early.length > 0) throw new Error('the restored database is not that of the moment');
    await standbyIsRebuilt(drill, view, drill.recovery, drill.at(drill.recovery).site.instance);
    await drill.replicates(drill.recovery, 60_000);
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
