import { dryRunsWroteNothing, lossWithin, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

export const dryRun: Scenario = {
  name: 'dry-run',
  title: 'Failover and switchover, walked through without a change',
  story:
    'A person walks the whole machine in both modes with dryRun. Every step says what it would do; by the record of calls none of them ' +
    'changed anything, and the workload noticed nothing.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'safety',
  async run(drill) {
    await drill.fault('A person walks through both modes', () => undefined);
    for (const mode of ['failover', 'switchover']) {
      const arn = await drill.start(drill.recovery, { mode, workloads: ['orders'], dryRun: true, reason: 'rehearsal' });
      const { status, cause } = await drill.ends(arn, 120_000);
      if (status !== 'SUCCEEDED') throw new Error(`the dry run of a ${mode} is ${status}: ${cause ?? ''}`);
    }
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [dryRunsWroteNothing(2), outageWithin(5), lossWithin(0), oneWriter(), servedBy('primary')],
};
