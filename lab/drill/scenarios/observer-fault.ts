import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 5, rpoSeconds: 0 };

export const observerFault: Scenario = {
  name: 'observer-fault',
  title: 'Monitoring is broken, the workload is fine',
  story:
    'The observers may publish no metric any more, the page by which they know their own network is down, and the witness is cut from the ' +
    'primary region, so that one observer sees an outage that is none. A fault of monitoring never moves a workload.',
  objectives,
  async run(drill) {
    const { world, faults } = drill.lab;
    const witnesses = world.regions.filter((region) => region !== drill.primary && region !== drill.recovery);
    let allowMetrics = () => {};
    await drill.fault('Metrics are refused, the reference page fails, the witness is cut off', () => {
      allowMetrics = faults.add({ kind: 'access-denied', service: 'monitoring', action: 'PutMetricData' });
      drill.parts.reference.status = 503;
      for (const witness of witnesses) world.cut(witness, drill.primary);
    });
    await drill.writes(3_000, { site: drill.primary, boundMs: 180_000 });
    await drill.mend('Monitoring is mended', () => {
      allowMetrics();
      drill.parts.reference.status = 200;
      for (const witness of witnesses) world.heal(witness, drill.primary);
    });
    await drill.writes(500, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
