import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { AddTagsToResourceCommand, RDSClient } from '@aws-sdk/client-rds';
import type { Drill } from '../../drill.ts';
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
    await sweep(drill);
    if ((await view.copies(drill.recovery)).length !== 1) throw new Error('the janitor removed a copy whose time was not over');
    await drill.mend('Its time is over', () => expire(drill, copy.DBInstanceArn!));
    await sweep(drill);
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

const settings = ({ lab, recovery }: Drill) => ({ region: recovery, endpoint: lab.endpoint('internet'), credentials: lab.credentials });

/** Its schedule comes every five minutes: the drill does not wait for it. */
const sweep = async (drill: Drill): Promise<void> => {
  const lambda = new LambdaClient(settings(drill));
  const { FunctionError } = await lambda
    .send(new InvokeCommand({ FunctionName: `lifeboat-${ENVIRONMENT}-sweep-copies`, Payload: Buffer.from('{}') }))
    .finally(() => lambda.destroy());
  if (FunctionError) throw new Error(`the janitor failed: ${FunctionError}`);
};

/** Hours pass: the tag says a time that is over. */
const expire = async (drill: Drill, ResourceName: string): Promise<void> => {
  const rds = new RDSClient(settings(drill));
  const Tags = [{ Key: 'lifeboat:expires-at', Value: new Date(Date.now() - 1_000).toISOString() }];
  await rds.send(new AddTagsToResourceCommand({ ResourceName, Tags })).finally(() => rds.destroy());
};
