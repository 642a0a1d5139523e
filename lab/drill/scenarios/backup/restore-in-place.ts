import { everythingKept, lossWithin, nothingTaken, oneWriter, outageWithin, servedBy, wasInterrupted } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { giveSettings, OWN_SETTINGS } from '../../own-settings.ts';
import { BackupView } from '../../recovery-points.ts';
import { restoreInPlace, settingsOf, standbyIsRebuilt, takeProvenPoint } from '../../restores.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const objectives = { rtoSeconds: 180, rpoSeconds: 600 };

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
    await giveSettings(drill, view, instance, SETTINGS);
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
const SETTINGS = {
  ...OWN_SETTINGS,
  MultiAZ: true,
  DeletionProtection: true,
  CopyTagsToSnapshot: true,
  AutoMinorVersionUpgrade: false,
  BackupRetentionPeriod: 14,
  PreferredBackupWindow: '01:00-01:30',
  PreferredMaintenanceWindow: 'mon:02:00-mon:02:30',
  VpcSecurityGroupIds: ['sg-orders', 'sg-audit'],
};
