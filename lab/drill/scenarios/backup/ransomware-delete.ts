import { DeleteDBSnapshotCommand, RDSClient } from '@aws-sdk/client-rds';
import type { Drill } from '../../drill.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 180_000;
const HOUR_MS = 3_600_000;

export const ransomwareDelete: Scenario = {
  name: 'ransomware-delete',
  title: 'An intruder deletes every snapshot of the primary region',
  story:
    'Three recovery points exist. An intruder with rights in the primary region deletes every snapshot there. The copies in the recovery region ' +
    'survive, can be restored, and the next backup run counts the deleted ones for nothing and prunes none of what is left.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const away = new Machines(drill, drill.recovery);
    // So old that age alone would let the first two go.
    for (const hoursAgo of [24 * 20, 24 * 10, 1]) {
      await home.run('backup', { dueAt: new Date(Date.now() - hoursAgo * HOUR_MS).toISOString() }, RUN_WITHIN_MS);
    }
    const before = (await view.snapshots(drill.recovery)).length;
    await drill.mend('Every snapshot of the primary region is deleted', () => deleteAll(drill, view));
    for (const { id } of await view.points()) {
      const { status, cause } = await away.run('verify-backup', { recoveryPoint: id }, RUN_WITHIN_MS);
      if (status !== 'SUCCEEDED') throw new Error(`the copy ${id} is not usable: ${cause}`);
    }
    await home.run('backup', {}, RUN_WITHIN_MS);
    const after = (await view.snapshots(drill.recovery)).length;
    drill.note(`copies in ${drill.recovery}: ${before} before the deletion, ${after} after it and another backup`);
    // The oldest may go, by its age: two newer ones are proven since, and stay.
    if (before !== 3 || after < 3) throw new Error(`${before} copies before, ${after} after`);
    home.close();
    away.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

const deleteAll = async ({ lab, primary }: Drill, view: BackupView): Promise<void> => {
  const rds = new RDSClient({ region: primary, endpoint: lab.endpoint('internet'), credentials: lab.credentials });
  try {
    for (const { DBSnapshotIdentifier } of await view.snapshots(primary))
      await rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
  } finally {
    rds.destroy();
  }
};
