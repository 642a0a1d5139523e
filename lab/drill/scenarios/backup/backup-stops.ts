import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Drill } from '../../drill.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { THREE_ROUNDS_WITHIN_MS } from '../../patience.ts';
import { asPerson } from '../../person.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 240_000;
const HOUR_MS = 3_600_000;

export const backupStops: Scenario = {
  name: 'backup-stops',
  title: 'No backup comes any more',
  story:
    'RDS refuses every snapshot. The run ends in failure and names the database; hours later, by the policy, the alarm on lateness fires. ' +
    'What is there is not pruned. When snapshots are allowed again a run of each tier ends the alarm.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const { watcher, signal } = drill.parts;
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const late = () => watcher.alarmStates(drill.primary).get(`lifeboat-${ENVIRONMENT}-orders-backup-late`);
    await home.run('backup', { dueAt: new Date(Date.now() - 100 * 24 * HOUR_MS).toISOString() }, RUN_WITHIN_MS);
    const before = (await view.snapshots(drill.recovery)).length;
    let allow = () => {};
    await drill.mend('Snapshots are refused', () => {
      allow = drill.lab.faults.add({ kind: 'access-denied', service: 'rds', action: 'CreateDBSnapshot' });
    });
    const failed = await home.run('backup', {}, RUN_WITHIN_MS);
    if (failed.status !== 'FAILED') throw new Error(`a backup run without a backup is ${failed.status}`);
    await drill.mend('A hundred days pass', () => age(drill));
    await watcher.until('the alarm on lateness', () => late() === 'ALARM' || undefined, THREE_ROUNDS_WITHIN_MS, signal);
    const kept = (await view.snapshots(drill.recovery)).length;
    if (before !== 1 || kept !== 1) throw new Error(`${before} copies before backups stopped, ${kept} after`);
    await drill.mend('Snapshots are allowed again', () => allow());
    for (const tier of ['six-hourly', 'daily', 'weekly']) {
      const { status, cause } = await home.run('backup', { tier }, RUN_WITHIN_MS);
      if (status !== 'SUCCEEDED') throw new Error(`the ${tier} backup is ${status}: ${cause}`);
    }
    await watcher.until('the end of the alarm', () => late() === 'OK' || undefined, THREE_ROUNDS_WITHIN_MS, signal);
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

/** Lifeboat has watched the policy for that long, as far as it knows. */
const age = async ({ lab, recovery }: Drill): Promise<void> => {
  const client = new DynamoDBClient(asPerson(lab, recovery));
  await client
    .send(
      new UpdateItemCommand({
        TableName: `lifeboat-${ENVIRONMENT}-ledger`,
        Key: { pk: { S: 'recovery-point#watch#orders#orders' }, sk: { S: 'since' } },
        UpdateExpression: 'SET #at = :at',
        ExpressionAttributeNames: { '#at': 'at' },
        ExpressionAttributeValues: { ':at': { N: String(Date.now() - 100 * 24 * HOUR_MS) } },
      }),
    )
    .finally(() => client.destroy());
};
