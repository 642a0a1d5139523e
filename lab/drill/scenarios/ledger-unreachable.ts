import type { Drill } from '../drill.ts';
import {
  everythingKept,
  lossWithin,
  noRun,
  oneWriter,
  oneWriterAtATime,
  outageWithin,
  servedBy,
  wasInterrupted,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

/** Several leases' time, and several starts of a loop: each successor begins without what its predecessor knew. */
const SILENT_SECONDS = 150;
/** Longer than a lease lasts. */
const ALONE_SECONDS = 60;
const ALARM_WITHIN_MS = 200_000;

const bothInside = async (drill: Drill): Promise<void> => {
  drill.inside(drill.recovery);
  await drill.writesInside(drill.primary, 100, 30_000);
};

/** The ledger answers nobody, in any region. Everything else works, DynamoDB's other tables among it. */
const silence = (drill: Drill): (() => void) => drill.lab.faults.add({ kind: 'timeout', service: 'dynamodb', resourceEnd: '-ledger' });

export const ledgerUnreachable: Scenario = {
  name: 'ledger-unreachable',
  title: 'The ledger answers nobody, the sites reach each other',
  story:
    'For longer than several leases last, and over several hand-overs of the loops, the ledger is silent in every region. No lease can be ' +
    'renewed. The other site pledges, round by round, not to take over, so the workload writes on; people are told.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    await bothInside(drill);
    let mend = () => {};
    await drill.fault('The ledger answers nobody', () => {
      mend = silence(drill);
    });
    await drill.alarms(drill.primary, '-ledger-silent', ALARM_WITHIN_MS);
    await drill.pass(SILENT_SECONDS, 'orders are acknowledged, nothing moves');
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    await drill.mend('The ledger answers again', mend);
    await drill.writes(500, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [noRun(), outageWithin(5), lossWithin(0), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('primary')],
};

export const ledgerUnreachableAlone: Scenario = {
  name: 'ledger-unreachable-alone',
  title: 'The ledger answers nobody, and the sites do not reach each other',
  story:
    'The same, and nobody is there to pledge: the active site cannot know whether the other one takes over. It stops accepting orders in ' +
    'time, and goes on by itself when the ledger is back.',
  objectives: { rtoSeconds: 180, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    await bothInside(drill);
    let mend = () => {};
    await drill.fault('The ledger answers nobody, and the link between the sites is cut', () => {
      const heal = drill.isolate(drill.primary, [drill.recovery]);
      const speak = silence(drill);
      mend = () => {
        heal();
        speak();
      };
    });
    await drill.pass(ALONE_SECONDS, 'writes stop, nothing moves');
    await drill.mend('Both are back', mend);
    await drill.replicates(drill.recovery, 90_000);
    await drill.writes(500, { site: drill.primary, boundMs: 90_000 });
  },
  promises: [
    wasInterrupted(),
    // The outage is real, and its alarm may start a run as soon as the ledger answers: it finds the workload well, and moves nothing.
    outageWithin(180),
    lossWithin(0),
    oneWriter(),
    oneWriterAtATime(),
    everythingKept(),
    servedBy('primary'),
  ],
};
