import { AddTagsToResourceCommand, ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import type { Drill } from '../../drill.ts';
import { everythingKept, lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, settingsOf, standbyIsRebuilt, takeProvenPoint } from '../../restores.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 180, rpoSeconds: 600 };
const SETTLED_WITHIN_MS = 60_000;

export const restoreInPlaceScenario: Scenario = {
  name: 'restore-in-place',
  title: 'A recovery point takes the place of the live database',
  story:
    'A person restores the newest proven recovery point in place while a client writes without pause. Writes stop first; what was there is kept, ' +
    'fenced; the restored database stands under the same endpoint with the same settings; the standby is rebuilt from it.',
  objectives,
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const { instance } = drill.at(drill.primary).site;
    await giveSettings(drill, view, instance);
    await takeProvenPoint(home);
    const before = settingsOf((await view.instance(drill.primary, instance))!);
    await drill.writes(100, { site: drill.primary, boundMs: 30_000 });
    await drill.fault('A person restores in place', () => undefined);
    const output = await restoreInPlace(drill, home, { reason: 'drill' });
    await drill.writes(250, { site: drill.primary, boundMs: 60_000 });
    const after = settingsOf((await view.instance(drill.primary, instance))!);
    const differing = Object.keys(before).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
    if (differing.length > 0)
      throw new Error(
        `settings differ: ${differing.map((name) => `${name} was ${JSON.stringify(before[name])}, is ${JSON.stringify(after[name])}`).join('; ')}`,
      );
    drill.note(`${Object.keys(before).length} settings are equal, the endpoint among them: ${JSON.stringify(after)}`);
    const { rtoSeconds, rpoSeconds } = output.measured as { rtoSeconds?: number; rpoSeconds?: number };
    if (rtoSeconds === undefined || rpoSeconds === undefined) throw new Error('RTO and RPO are not measured');
    await standbyIsRebuilt(drill, view, drill.recovery, drill.at(drill.recovery).site.instance);
    await drill.replicates(drill.recovery, 60_000);
    home.close();
  },
  promises: [
    wasInterrupted(),
    outageWithin(objectives.rtoSeconds),
    lossWithin(objectives.rpoSeconds),
    oneWriter(),
    everythingKept(),
    servedBy('primary'),
    nothingTaken(),
  ],
};

/** So that a restore has something to lose. */
const giveSettings = async (drill: Drill, view: BackupView, DBInstanceIdentifier: string): Promise<void> => {
  await drill.mend(`${DBInstanceIdentifier} gets settings of its own`, async () => {
    await view.rds(drill.primary, async (client) => {
      const { DBInstance } = await client.send(
        new ModifyDBInstanceCommand({
          DBInstanceIdentifier,
          ApplyImmediately: true,
          MultiAZ: true,
          DeletionProtection: true,
          EnableIAMDatabaseAuthentication: true,
          CopyTagsToSnapshot: true,
          AutoMinorVersionUpgrade: false,
          BackupRetentionPeriod: 14,
          PreferredBackupWindow: '01:00-01:30',
          PreferredMaintenanceWindow: 'mon:02:00-mon:02:30',
          MonitoringInterval: 60,
          MonitoringRoleArn: 'arn:aws:iam::000000000000:role/orders-monitoring',
          DBParameterGroupName: 'orders-tuned',
          VpcSecurityGroupIds: ['sg-orders', 'sg-audit'],
        }),
      );
      await client.send(
        new AddTagsToResourceCommand({ ResourceName: DBInstance!.DBInstanceArn!, Tags: [{ Key: 'team', Value: 'orders' }] }),
      );
    });
    const deadline = Date.now() + SETTLED_WITHIN_MS;
    for (;;) {
      const { DBInstanceStatus, MultiAZ } = (await view.instance(drill.primary, DBInstanceIdentifier)) ?? {};
      if (DBInstanceStatus === 'available' && MultiAZ) return;
      if (Date.now() > deadline) throw new Error(`${DBInstanceIdentifier} is ${DBInstanceStatus}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
};
