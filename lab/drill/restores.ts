import { setTimeout as sleep } from 'node:timers/promises';
import type { DBInstance } from '@aws-sdk/client-rds';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import type { Machines } from './machines.ts';
import type { BackupView } from './recovery-points.ts';
import { query } from './rows.ts';

const RUN_WITHIN_MS = 240_000;
const STANDBY_WITHIN_MS = 240_000;
const POLL_MS = 500;

/** Settings of an instance that belong to its place and not to its data, as RDS says them. */
export const settingsOf = (instance: DBInstance): Record<string, unknown> => ({
  class: instance.DBInstanceClass,
  subnetGroup: instance.DBSubnetGroup?.DBSubnetGroupName,
  securityGroups: instance.VpcSecurityGroups?.map(({ VpcSecurityGroupId }) => VpcSecurityGroupId).sort(),
  parameterGroup: instance.DBParameterGroups?.[0]?.DBParameterGroupName,
  multiAz: instance.MultiAZ,
  deletionProtection: instance.DeletionProtection,
  iamAuthentication: instance.IAMDatabaseAuthenticationEnabled,
  public: instance.PubliclyAccessible,
  minorUpgrades: instance.AutoMinorVersionUpgrade,
  tagsToSnapshots: instance.CopyTagsToSnapshot,
  storage: [instance.StorageType, instance.Iops, instance.StorageThroughput, instance.MaxAllocatedStorage],
  backups: [instance.BackupRetentionPeriod, instance.PreferredBackupWindow],
  maintenance: instance.PreferredMaintenanceWindow,
  monitoring: [instance.MonitoringInterval, instance.MonitoringRoleArn],
  authority: instance.CACertificateIdentifier,
  endpoint: [instance.Endpoint?.Address, instance.Endpoint?.Port],
  tags: Object.fromEntries(
    (instance.TagList ?? []).filter(({ Key }) => !Key?.startsWith('lifeboat:')).map(({ Key, Value }) => [Key, Value]),
  ),
});

/** A recovery point is taken in the primary region and proven there. */
export async function takeProvenPoint(home: Machines): Promise<void> {
  for (const machine of ['backup', 'verify-backup']) {
    const { status, cause } = await home.run(machine, {}, RUN_WITHIN_MS);
    if (status !== 'SUCCEEDED') throw new Error(`${machine} is ${status}: ${cause}`);
  }
}

/** A database that was restored beside the primary region's own, by its endpoint. */
export const besideOf = (drill: Drill, databaseHost: string): ReturnType<Drill['at']> => {
  const live = drill.at(drill.primary);
  return { ...live, site: { ...live.site, databaseHost } };
};

/** Compares a restored database with the live one: the orders that were recorded before the newest heartbeat in it are in both, in the same number. */
export async function sameUpToHeartbeat(
  drill: Drill,
  endpoint: string,
): Promise<{ found: number; wanted: number; differing: string | undefined }> {
  const beside = besideOf(drill, endpoint);
  const [heartbeat] = await query<{ at: Date }>(beside, 'SELECT at FROM lifeboat.heartbeat');
  const before = 'SELECT id FROM orders WHERE recorded_at <= $1 ORDER BY id';
  const wanted = await query<{ id: string }>(drill.at(drill.primary), before, [heartbeat!.at]);
  const found = await query<{ id: string }>(beside, before, [heartbeat!.at]);
  const isSame = wanted.length > 0 && JSON.stringify(wanted) === JSON.stringify(found);
  return {
    found: found.length,
    wanted: wanted.length,
    differing: isSame ? undefined : 'the restored orders are not those of the live database',
  };
}

/** Runs a restore that is expected to end well. Its output says what was measured. */
export async function restoreInPlace(drill: Drill, home: Machines, input: object): Promise<Record<string, unknown>> {
  const { status, output, cause, seconds } = await home.run(
    'restore',
    { workload: 'orders', placement: 'inPlace', ...input },
    RUN_WITHIN_MS,
  );
  if (status !== 'SUCCEEDED') throw new Error(`restore is ${status}: ${cause}`);
  drill.note(
    `restored in place in ${seconds.toFixed(1)} s: ${JSON.stringify({ measured: output.measured, lostSeconds: output.lostSeconds, kept: output.kept })}`,
  );
  return output;
}

/** The other site's database is a replica of the instance that serves now, and not of the one that was replaced. */
export async function standbyIsRebuilt(drill: Drill, view: BackupView, region: Region, identifier: string): Promise<void> {
  const { progress, signal } = drill.parts;
  progress.phase(`${identifier} is a replica of the restored writer`);
  const writer = drill.at(drill.primary).site.instance;
  const deadline = Date.now() + STANDBY_WITHIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const instance = await view.instance(region, identifier);
    const source = instance?.ReadReplicaSourceDBInstanceIdentifier;
    if (instance?.DBInstanceStatus === 'available' && source?.endsWith(`:${writer}`)) break;
    if (Date.now() > deadline)
      throw new Error(`${identifier} is ${instance?.DBInstanceStatus ?? 'missing'}, a replica of ${source ?? 'nothing'}`);
    await sleep(POLL_MS);
  }
  drill.note(`${identifier} in ${region} replicates from ${writer}`);
}
