import type { Drill } from '../drill.ts';
import {
  everyLossExported,
  everythingKept,
  lossWithin,
  noRun,
  oneWriter,
  oneWriterAtATime,
  outageWithin,
  type Promised,
  runSucceeded,
  servedBy,
  somethingWasLost,
  wasInterrupted,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 120, rpoSeconds: 60 };
/** Longer than the lease, its clock bound, the confirmation of an outage and an alarm's evaluation together. */
const CUT_SECONDS = 75;
const AFTERWARDS_SECONDS = 75;
const untouched: Promised[] = [
  noRun(),
  outageWithin(5),
  lossWithin(0),
  oneWriter(),
  oneWriterAtATime(),
  everythingKept(),
  servedBy('primary'),
];
const moved: Promised[] = [
  wasInterrupted(),
  lossWithin(objectives.rpoSeconds),
  oneWriter(),
  oneWriterAtATime(),
  everythingKept(),
  somethingWasLost(),
  everyLossExported(),
  servedBy('recovery'),
  runSucceeded(),
];

const bothInside = async (drill: Drill): Promise<void> => {
  drill.inside(drill.recovery);
  await drill.writesInside(drill.primary, 100, 30_000);
};

const witnessOf = (drill: Drill): string[] =>
  drill.lab.world.regions.filter((region) => region !== drill.primary && region !== drill.recovery);

/** Cut, see who moves, heal, and see that the healing makes no second writer either. */
const isolatedWriter = (name: string, title: string, story: string, cut: (drill: Drill) => string[]): Scenario => ({
  name,
  title,
  story,
  objectives,
  group: 'safety',
  async run(drill) {
    await bothInside(drill);
    let heal = () => {};
    await drill.fault(`${drill.primary} is cut from ${cut(drill).join(', ')}, all alive`, () => {
      drill.moves.push(Date.now());
      heal = drill.isolate(drill.primary, cut(drill));
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.writesInside(drill.recovery, 100, 60_000);
    await drill.mend('The links heal', heal);
    await drill.pass(AFTERWARDS_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.exported(drill.primary, 240_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: moved,
});

export const splitBrain = isolatedWriter(
  'split-brain',
  'The writer is cut from everybody, and lives',
  'The primary region loses its links to all others, with its database, its application and clients inside. Seen from outside it is ' +
    'gone, so the workload moves; inside nothing is gone at all. Its guard lets no order be acknowledged once the lease can be ' +
    "another's, and the healing changes nothing of that.",
  (drill) => drill.others(drill.primary),
);

export const splitBrainPublic = isolatedWriter(
  'split-brain-public',
  'The writer is cut from the other regions, and the public still reaches it',
  'The primary region loses its links to the recovery region and the witness, not to the public. Two observers see nothing of it; ' +
    'clients of the public name, and clients inside it, still do. It cannot renew its lease, and stops accepting orders by itself.',
  (drill) => [drill.recovery, ...witnessOf(drill)],
);

const isolated = (name: string, title: string, story: string, cut: (drill: Drill) => { region: string; from: string[] }): Scenario => ({
  name,
  title,
  story,
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    await bothInside(drill);
    const { region, from } = cut(drill);
    let heal = () => {};
    await drill.fault(`${region} is cut from ${from.join(', ')}, all alive`, () => {
      heal = drill.isolate(region, from);
    });
    await drill.pass(CUT_SECONDS, 'nothing may move');
    await drill.mend('The links heal', heal);
    await drill.replicates(drill.recovery, 90_000);
    await drill.writes(500, { site: drill.primary, boundMs: 60_000 });
  },
  promises: untouched,
});

export const splitBrainLink = isolated(
  'split-brain-link',
  'The two sites are cut from each other',
  'Only the link between the two sites is cut; both reach the witness. The writer keeps its lease by that majority, the other site ' +
    'alone cannot confirm an outage, and nothing moves.',
  (drill) => ({ region: drill.primary, from: [drill.recovery] }),
);

export const splitBrainStandby = isolated(
  'split-brain-standby',
  'The standby is cut from everybody',
  'The recovery region loses its links to all others. From inside it everything else looks dead, and that is no reason to write.',
  (drill) => ({ region: drill.recovery, from: drill.others(drill.recovery) }),
);
