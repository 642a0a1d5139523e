import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import { besideOf, sameUpToHeartbeat } from '../../restores.ts';
import { query } from '../../rows.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 240_000;

export const restoreBeside: Scenario = {
  name: 'restore-beside',
  title: 'A recovery point is restored beside the live database',
  story:
    'A proven recovery point is restored beside the live database while orders are written. The restored one holds every order that was recorded ' +
    'before the newest heartbeat in it, and none that was recorded after its snapshot was complete; a dry run before that makes nothing.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    for (const [machine, input] of [
      ['backup', {}],
      ['verify-backup', {}],
      ['restore', { workload: 'orders', dryRun: true }],
    ] as const) {
      const { status, cause } = await home.run(machine, input, RUN_WITHIN_MS);
      if (status !== 'SUCCEEDED') throw new Error(`${machine} is ${status}: ${cause}`);
    }
    if ((await view.copies(drill.primary)).length > 0) throw new Error('a dry run made an instance');
    const { status, output, cause, seconds } = await home.run('restore', { workload: 'orders', reason: 'drill' }, RUN_WITHIN_MS);
    if (status !== 'SUCCEEDED') throw new Error(`restore is ${status}: ${cause}`);
    const { found, wanted, differing } = await sameUpToHeartbeat(drill, String(output.endpoint));
    const beside = besideOf(drill, String(output.endpoint));
    const [all] = await query<{ n: number; late: number }>(
      beside,
      'SELECT count(*)::int AS n, count(*) FILTER (WHERE recorded_at > $1)::int AS late FROM orders',
      [new Date((await view.snapshots(drill.primary))[0]!.SnapshotCreateTime!)],
    );
    drill.note(
      `restored in ${seconds.toFixed(1)} s: ${found} orders up to its heartbeat, ${all!.n} in all; the live database has ${wanted}`,
    );
    if (differing) throw new Error(differing);
    if (all!.late > 0) throw new Error(`${all!.late} orders are younger than the snapshot`);
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
