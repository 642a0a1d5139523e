import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
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
    const live = drill.at(drill.primary);
    const beside = { ...live, site: { ...live.site, databaseHost: String(output.endpoint) } };
    const [heartbeat] = await query<{ at: Date }>(beside, 'SELECT at FROM lifeboat.heartbeat');
    const before = 'SELECT id FROM orders WHERE recorded_at <= $1 ORDER BY id';
    const wanted = await query<{ id: string }>(live, before, [heartbeat!.at]);
    const found = await query<{ id: string }>(beside, before, [heartbeat!.at]);
    const [all] = await query<{ n: number; late: number }>(
      beside,
      'SELECT count(*)::int AS n, count(*) FILTER (WHERE recorded_at > $1)::int AS late FROM orders',
      [new Date((await view.snapshots(drill.primary))[0]!.SnapshotCreateTime!)],
    );
    drill.note(
      `restored in ${seconds.toFixed(1)} s: ${found.length} orders up to its heartbeat, ${all!.n} in all; the live database has ${wanted.length}`,
    );
    if (wanted.length === 0 || JSON.stringify(wanted) !== JSON.stringify(found))
      throw new Error('the restored orders are not those of the live database');
    if (all!.late > 0) throw new Error(`${all!.late} orders are younger than the snapshot`);
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
