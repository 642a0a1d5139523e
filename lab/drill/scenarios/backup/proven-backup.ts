import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';

export const ENVIRONMENT = 'demo-backup';
const RUN_WITHIN_MS = 180_000;

export const provenBackup: Scenario = {
  name: 'proven-backup',
  title: 'A backup is taken, copied, and proven in the other region',
  story:
    'While orders are written, a recovery point is taken, copied to the recovery region, restored there into isolation and checked: every ' +
    'page, every index, and the contents against what was recorded with the backup. Nothing of it is left behind, and no order waits for it.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const away = new Machines(drill, drill.recovery);
    const backup = await home.run('backup', {}, RUN_WITHIN_MS);
    if (backup.status !== 'SUCCEEDED') throw new Error(`the backup run is ${backup.status}: ${backup.cause}`);
    const verification = await away.run('verify-backup', {}, RUN_WITHIN_MS);
    const [point] = await view.points();
    drill.note(`checks: ${JSON.stringify(point?.verification)}`);
    if (verification.status !== 'SUCCEEDED') throw new Error(`the verification is ${verification.status}: ${verification.cause}`);
    if (point?.standing !== 'verified' || point.copies.length !== 2) throw new Error(`the recovery point is ${JSON.stringify(point)}`);
    const left = await view.copies(drill.recovery);
    if (left.length > 0) throw new Error(`${left[0]!.DBInstanceIdentifier} was left behind`);
    home.close();
    away.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
