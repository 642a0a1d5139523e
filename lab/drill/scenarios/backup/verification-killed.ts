import { expire, runJanitor } from '../../janitors.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { until } from '../../patience.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 180_000;

export const verificationKilled: Scenario = {
  name: 'verification-killed',
  title: 'A verification is stopped while its copy exists',
  story:
    'Somebody stops the verification between the restore and the removal of its copy. The janitor removes the copy when its time is over, ' +
    'and not before; the recovery point is not called proven.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const away = new Machines(drill, drill.recovery);
    await home.run('backup', {}, RUN_WITHIN_MS);
    const run = await away.start('verify-backup', {});
    const copy = await until('a restored copy', async () => (await view.copies(drill.recovery))[0], RUN_WITHIN_MS);
    await drill.mend('The verification is stopped', () => away.stop(run));
    await until('the copy can be deleted', async () => isAvailable(await view.copies(drill.recovery)), RUN_WITHIN_MS);
    await runJanitor(drill, drill.recovery, 'sweep-copies');
    if ((await view.copies(drill.recovery)).length !== 1) throw new Error('the janitor removed a copy whose time was not over');
    await drill.mend('Its time is over', () => expire(drill, drill.recovery, copy.DBInstanceArn!, 'lifeboat:expires-at'));
    await runJanitor(drill, drill.recovery, 'sweep-copies');
    await until('the copy is gone', async () => (await view.copies(drill.recovery)).length === 0 || undefined, RUN_WITHIN_MS);
    const [point] = await view.points();
    if (point?.standing !== 'unverified') throw new Error(`the recovery point is ${point?.standing}, though nothing was proven`);
    home.close();
    away.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

const isAvailable = (copies: { DBInstanceStatus?: string }[]): true | undefined =>
  copies.every(({ DBInstanceStatus }) => DBInstanceStatus === 'available') || undefined;
