import { blockAll } from '../faults/block.ts';
import {
  everythingKept,
  lossWithin,
  noRun,
  oneWriter,
  oneWriterAtATime,
  outageWithin,
  runSucceeded,
  servedBy,
  wasInterrupted,
} from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

/** What a region is governed by; its databases, containers, functions, tables and metrics work on. */
const CONTROL_PLANES = ['rds', 'ecs', 'states', 'scheduler', 'cloudformation', 'secretsmanager', 'ssm'];
/** First they hang; then they fail at once. Together longer than any loop lives: the last ones know only what their sandbox remembers. */
const SILENT_SECONDS = 75;
const FAILING_SECONDS = 170;
const AFTERWARDS_SECONDS = 75;

export const partialBlackoutControl: Scenario = {
  name: 'partial-blackout-control',
  title: 'The control plane of the region is dead, the workload is fine',
  story:
    'The services that govern the primary region answer nothing, and then errors: databases cannot be described, secrets cannot be read. ' +
    'The workload needs none of that to serve, so it serves on, untouched.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    let mend = () => {};
    const fail = (kind: 'timeout' | 'server-error') => () => {
      mend();
      mend = drill.lab.faults.add({ kind, region: drill.primary, service: CONTROL_PLANES });
    };
    await drill.fault(`The control planes of ${drill.primary} answer nothing`, fail('timeout'));
    await drill.pass(SILENT_SECONDS, 'nothing may move or stop');
    await drill.fault('They answer with errors, at once', fail('server-error'));
    await drill.pass(FAILING_SECONDS, 'nothing may move or stop');
    await drill.mend('The control planes answer again', () => mend());
    await drill.writes(500, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [noRun(), outageWithin(5), lossWithin(0), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('primary')],
};

export const partialBlackoutData: Scenario = {
  name: 'partial-blackout-data',
  title: 'The workload of the region is dead, its control plane is fine',
  story:
    'The load balancer and the database of the primary region are reached by nobody, while every API of the region answers and says ' +
    "'available'. What a status says is no reason to stay.",
  objectives: { rtoSeconds: 120, rpoSeconds: 60 },
  group: 'safety',
  async run(drill) {
    await drill.writesInside(drill.primary, 100, 30_000);
    const { databaseHost, loadBalancerHost } = drill.at(drill.primary).site;
    let open = () => {};
    await drill.fault('Load balancer and database are reached by nobody', () => {
      drill.moves.push(Date.now());
      open = blockAll(drill, [...drill.lab.world.regions, 'internet'], [databaseHost, loadBalancerHost]);
    });
    await drill.failover(drill.recovery, 300_000);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
    await drill.mend('They are reached again', open);
    await drill.pass(AFTERWARDS_SECONDS, `clients inside ${drill.primary} write on`);
    await drill.writes(250, { site: drill.recovery, boundMs: 60_000 });
  },
  promises: [wasInterrupted(), lossWithin(60), oneWriter(), oneWriterAtATime(), everythingKept(), servedBy('recovery'), runSucceeded()],
};
