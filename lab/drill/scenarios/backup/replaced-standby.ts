import { everythingKept, nothingTaken, oneWriter, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, standbyIsRebuilt, takeProvenPoint } from '../../restores.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const REFUSED_WITHIN_MS = 240_000;

export const replacedStandby: Scenario = {
  name: 'replaced-standby',
  title: 'The region fails right after a restore in place',
  story:
    'A restore has replaced the live database, and before the other site can rebuild its standby the primary region goes dark. The standby there is ' +
    'near in time, and of the database that was replaced: to promote it would undo the restore. The run is refused, and says why. When the region ' +
    'returns it serves the restored database on, and the standby is rebuilt from that.',
  objectives: { rtoSeconds: 600, rpoSeconds: 600 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    await takeProvenPoint(home);
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    const principal = `lifeboat-${ENVIRONMENT}-reconcile-site`;
    let rebuild = () => {};
    await drill.fault('RDS fails for those who would rebuild the standby; a person restores in place', () => {
      rebuild = drill.lab.faults.add({ kind: 'server-error', service: 'rds', principal, source: drill.recovery });
    });
    await restoreInPlace(drill, home, { reason: 'drill' });
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    const darkAt = Date.now();
    await drill.blackout(drill.primary);
    await drill.run(
      'a failover is refused, since the standby must be rebuilt first',
      ({ startedAt, status, cause = '' }) => startedAt >= darkAt && status === 'FAILED' && cause.includes('must be rebuilt first'),
      REFUSED_WITHIN_MS,
    );
    await drill.mend('The region returns, and RDS answers', async () => {
      rebuild();
      await drill.lab.world.restore(drill.primary);
    });
    await drill.writes(250, { site: drill.primary, boundMs: 120_000 });
    await standbyIsRebuilt(drill, view, drill.recovery, drill.at(drill.recovery).site.instance);
    await drill.replicates(drill.recovery, 60_000);
    home.close();
  },
  promises: [wasInterrupted(), oneWriter(), everythingKept(), servedBy('primary'), nothingTaken()],
};
