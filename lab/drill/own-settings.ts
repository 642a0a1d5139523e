import { AddTagsToResourceCommand, ModifyDBInstanceCommand, type ModifyDBInstanceCommandInput } from '@aws-sdk/client-rds';
import type { Drill } from './drill.ts';
import { until } from './patience.ts';
import type { BackupView } from './recovery-points.ts';

const SETTLED_WITHIN_MS = 60_000;

/** What an instance that is restored or made anew has only if somebody gives it: a parameter group takes hold with a restart. */
export const OWN_SETTINGS = {
  MonitoringInterval: 60,
  MonitoringRoleArn: 'arn:aws:iam::000000000000:role/orders-monitoring',
  EnableIAMDatabaseAuthentication: true,
  DBParameterGroupName: 'orders-tuned',
} satisfies Partial<ModifyDBInstanceCommandInput>;

/** A person gives the primary site's database settings of its own, and a tag. */
export const giveSettings = async (
  drill: Drill,
  view: BackupView,
  DBInstanceIdentifier: string,
  change: Partial<ModifyDBInstanceCommandInput> = OWN_SETTINGS,
): Promise<void> => {
  await drill.mend(`${DBInstanceIdentifier} gets settings of its own`, () =>
    view.rds(drill.primary, async (client) => {
      const command = { DBInstanceIdentifier, ApplyImmediately: true, ...change };
      const { DBInstance } = await client.send(new ModifyDBInstanceCommand(command));
      const tag = { ResourceName: DBInstance!.DBInstanceArn!, Tags: [{ Key: 'team', Value: 'orders' }] };
      await client.send(new AddTagsToResourceCommand(tag));
    }),
  );
  const settled = async () => {
    const { DBInstanceStatus, MultiAZ } = (await view.instance(drill.primary, DBInstanceIdentifier)) ?? {};
    return DBInstanceStatus === 'available' && MultiAZ === (change.MultiAZ ?? false) ? true : undefined;
  };
  await until(`${DBInstanceIdentifier} with its settings`, settled, SETTLED_WITHIN_MS);
};

/** The replica in its place has them all again, in force. */
export const hasOwnSettings = async (drill: Drill, view: BackupView, identifier: string, boundMs: number): Promise<void> => {
  drill.parts.progress.phase(`Until the replica ${identifier} has the settings of what it replaced`);
  const look = async () => {
    const { DBInstanceStatus, DBParameterGroups, MonitoringInterval, IAMDatabaseAuthenticationEnabled, TagList } =
      (await view.instance(drill.primary, identifier)) ?? {};
    const [group] = DBParameterGroups ?? [];
    const isTuned = group?.DBParameterGroupName === OWN_SETTINGS.DBParameterGroupName && group.ParameterApplyStatus === 'in-sync';
    const isTagged = TagList?.some(({ Key, Value }) => Key === 'team' && Value === 'orders') ?? false;
    const isMonitored = MonitoringInterval === OWN_SETTINGS.MonitoringInterval;
    return DBInstanceStatus === 'available' && isTuned && isTagged && isMonitored && IAMDatabaseAuthenticationEnabled ? true : undefined;
  };
  await until(`the settings of ${identifier}`, look, boundMs);
  drill.note(`the replica ${identifier} has the settings of what it replaced`);
};
