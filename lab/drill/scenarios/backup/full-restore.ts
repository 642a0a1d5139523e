import { DeleteDBInstanceCommand } from '@aws-sdk/client-rds';
import type { Region } from '../../../types.ts';
import type { Drill } from '../../drill.ts';
import { lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, standbyIsRebuilt, takeProvenPoint } from '../../restores.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 240, rpoSeconds: 3_600 };
const GONE_WITHIN_MS = 60_000;

export const fullRestore: Scenario = {
  name: 'full-restore',
  title: 'The database is gone, in both regions',
  story:
    'Somebody deletes the writer and its replica, without a last snapshot. There is nothing to fail over to. The newest proven recovery point ' +
    'is restored under the old name, with the settings that were recorded with it; the application goes on by itself, and a standby is made.',
  objectives,
  group: 'backup',
  environment: ENVIRONMENT,
  destroysDatabases: true,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    await takeProvenPoint(home);
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    await drill.fault('The writer and its replica are deleted', () =>
      Promise.all([remove(drill, view, drill.primary), remove(drill, view, drill.recovery)]),
    );
    await restoreInPlace(drill, home, { reason: 'the database is gone' });
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    await standbyIsRebuilt(drill, view, drill.recovery, drill.at(drill.recovery).site.instance);
    await drill.replicates(drill.recovery, 60_000);
    home.close();
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    servedBy('primary'),
    nothingTaken(),
  ],
};

const remove = async (drill: Drill, view: BackupView, region: Region): Promise<void> => {
  const { instance: DBInstanceIdentifier } = drill.at(region).site;
  await view.rds(region, (client) =>
    client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true, DeleteAutomatedBackups: true })),
  );
  const deadline = Date.now() + GONE_WITHIN_MS;
  while (await view.instance(region, DBInstanceIdentifier)) {
    if (Date.now() > deadline) throw new Error(`${DBInstanceIdentifier} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};
