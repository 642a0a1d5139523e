import { dryRunsWroteNothing, lossWithin, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import { Machines } from '../machines.ts';
import type { Scenario } from '../scenario.ts';

/** States by which a person decides whether to do it for real. */
const SPEAK = ['opened', 'lag', 'fence', 'lease', 'promotion', 'compute', 'traffic'];

interface Output {
  workloads?: { would?: { state: string; would: unknown }[] }[];
}

const saidIn = ({ workloads = [] }: Output) => workloads.flatMap(({ would = [] }) => would);

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
    const machines = new Machines(drill, drill.recovery);
    for (const mode of ['failover', 'switchover']) {
      const arn = await drill.start(drill.recovery, { mode, workloads: ['orders'], dryRun: true, reason: 'rehearsal' });
      const { status, cause, output } = await machines.ended(arn, 120_000);
      if (status !== 'SUCCEEDED') throw new Error(`the dry run of a ${mode} is ${status}: ${cause ?? ''}`);
      const said = saidIn(output as Output);
      drill.note(`${mode}: ${said.map(({ state, would }) => `${state}: ${would}`).join('; ')}`);
      const silent = SPEAK.filter((each) => !said.some(({ state }) => state === each));
      if (silent.length > 0) throw new Error(`the dry run of a ${mode} does not say what these would do: ${silent.join(', ')}`);
    }
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
  },
  promises: [dryRunsWroteNothing(2), outageWithin(5), lossWithin(0), oneWriter(), servedBy('primary')],
};
