import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { aroundMoment, nextWholeSecond } from '../../moments.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 300_000;

export const pointInTimeRestore: Scenario = {
  name: 'point-in-time-restore',
  title: 'The database as it was at a second',
  story:
    'While a client writes many times a second, a person restores the database beside the live one to a second T. Every order that the client ' +
    'had acknowledged before T is there, and none that it sent after T; the live database is not touched.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const home = new Machines(drill, drill.primary);
    await drill.writes(200, { site: drill.primary, boundMs: 30_000 });
    const moment = await nextWholeSecond(drill);
    await drill.writes(200, { site: drill.primary, boundMs: 30_000 });
    const target = { at: moment.toISOString() };
    const { status, output, cause, seconds } = await home.run('restore', { workload: 'orders', target, reason: 'drill' }, RUN_WITHIN_MS);
    if (status !== 'SUCCEEDED') throw new Error(`restore is ${status}: ${cause}`);
    const { missing, early, inFlight, present } = await aroundMoment(drill, String(output.endpoint), moment);
    drill.note(
      `restored to ${target.at} in ${seconds.toFixed(1)} s: ${present} orders; ${missing.length} missing that were acknowledged before, ` +
        `${early.length} there that were sent after, ${inFlight} under way at that moment; reaches to ${String(output.reachesTo)}`,
    );
    if (present === 0 || missing.length > 0)
      throw new Error(`${missing.length} orders acknowledged before T are missing: ${missing.slice(0, 3).join(', ')}`);
    if (early.length > 0) throw new Error(`${early.length} orders sent after T are there: ${early.slice(0, 3).join(', ')}`);
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
