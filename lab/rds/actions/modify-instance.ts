import type { DBInstance, ModifyDBInstanceMessage, ModifyDBInstanceResult, PendingModifiedValues } from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { given, parameterGroup, withDefaults } from '../attributes.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { instanceAlreadyExists, invalidCombination } from '../errors.ts';
import { endBackups, keepBackups, openBackup } from '../keep-backups.ts';
import { setMasterPassword } from '../master.ts';
import { identifier } from '../names.ts';

export const modifyInstance: Actions = { ModifyDBInstance: modify };

/** Settings that wait for the maintenance window unless they are to be applied at once. The lab has no such window: they wait for ever. */
const DEFERRABLE = ['DBInstanceClass', 'AllocatedStorage', 'EngineVersion', 'MultiAZ', 'StorageType', 'Iops'] as const;

async function modify({ control, region }: Call, input: ModifyDBInstanceMessage): Promise<ModifyDBInstanceResult> {
  const database = control.getAvailable(region, input.DBInstanceIdentifier);
  const change = plan(control, database, input);
  database.pending = change.pending;
  if (Object.keys(change.now).length > 0 || change.identifier || change.password) {
    control.begin(database, () => apply(control, database, change));
  }
  return { DBInstance: await describe(control, database) };
}

interface Change {
  now: DBInstance;
  identifier: string | undefined;
  password: string | undefined;
  /** What is shown as pending: what is about to be applied, and what waits for the window. */
  pending: PendingModifiedValues;
  waiting: PendingModifiedValues;
}

function plan(control: ControlPlane, database: Database, input: ModifyDBInstanceMessage): Change {
  const settings = changed(database, { ...given(input), ...exportedLogs(database, input) });
  const newIdentifier = input.NewDBInstanceIdentifier && identifier(input.NewDBInstanceIdentifier, 'NewDBInstanceIdentifier');
  const renamed = newIdentifier && newIdentifier !== database.identifier ? newIdentifier : undefined;
  check(control, database, settings, renamed);
  const deferred = deferrable(database, settings);
  const pending = { ...database.pending, ...deferred, ...(renamed && { DBInstanceIdentifier: renamed }) };
  const shown = { ...pending, ...(input.MasterUserPassword && { MasterUserPassword: '****' }) };
  const password = input.MasterUserPassword;
  if (input.ApplyImmediately) {
    const { DBInstanceIdentifier, MasterUserPassword: _, ...waited } = pending;
    return { now: { ...settings, ...waited } as DBInstance, identifier: DBInstanceIdentifier, password, pending: shown, waiting: {} };
  }
  const now = Object.fromEntries(Object.entries(settings).filter(([name]) => !(name in deferred)));
  return { now, identifier: undefined, password, pending: shown, waiting: pending };
}

/** Which logs are exported is changed by naming what is turned on and off. */
function exportedLogs(database: Database, { CloudwatchLogsExportConfiguration: change }: ModifyDBInstanceMessage): DBInstance {
  if (!change) return {};
  const kept = (database.attributes.EnabledCloudwatchLogsExports ?? []).filter((type) => !change.DisableLogTypes?.includes(type));
  return { EnabledCloudwatchLogsExports: [...new Set([...kept, ...(change.EnableLogTypes ?? [])])].sort() };
}

/** A parameter group that is named again is the same one, whether the server has restarted since or not. */
function changed(database: Database, settings: DBInstance): DBInstance {
  const group = database.attributes.DBParameterGroups?.[0]?.DBParameterGroupName ?? '';
  const old = new Map<string, unknown>(Object.entries({ ...database.attributes, DBParameterGroups: parameterGroup(group, 'in-sync') }));
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => JSON.stringify(old.get(name)) !== JSON.stringify(value)));
}

/** Turning backups on or off waits, too; a longer or shorter retention does not. */
function deferrable(database: Database, settings: DBInstance): PendingModifiedValues {
  const names: (keyof PendingModifiedValues & keyof DBInstance)[] = [...DEFERRABLE];
  const { BackupRetentionPeriod: days } = settings;
  if (days !== undefined && (days === 0) !== (database.attributes.BackupRetentionPeriod === 0)) names.push('BackupRetentionPeriod');
  return Object.fromEntries(names.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]));
}

function check(control: ControlPlane, database: Database, settings: DBInstance, newIdentifier: string | undefined): void {
  withDefaults(database.region, { ...database.attributes, ...settings });
  if (settings.BackupRetentionPeriod === 0 && control.replicasOf(database).length > 0) {
    throw invalidCombination('The backup retention period of a DB instance with read replicas must be greater than 0.');
  }
  if (newIdentifier && control.isTaken(database.region, newIdentifier, database)) throw instanceAlreadyExists();
}

async function apply(control: ControlPlane, database: Database, change: Change): Promise<void> {
  const { durations } = control;
  await control.pass(database, database.status, durations.react);
  await control.pass(database, 'modifying', durations.modify);
  const { password } = change;
  if (password && !database.listedOnly)
    await control.onServer(database, () => setMasterPassword(database.server, database.attributes.MasterUsername, password));
  Object.assign(database.attributes, withDefaults(database.region, { ...database.attributes, ...change.now }));
  if (!database.attributes.MultiAZ) delete database.attributes.SecondaryAvailabilityZone;
  const [group] = change.now.DBParameterGroups ?? [];
  if (group?.DBParameterGroupName) database.attributes.DBParameterGroups = parameterGroup(group.DBParameterGroupName, 'pending-reboot');
  if (change.now.VpcSecurityGroups) await control.applySecurityGroups(database);
  if (change.identifier) await rename(control, database, change.identifier);
  await switchBackups(control, database);
  database.pending = change.waiting;
  database.status = 'available';
  control.record(database, 'Finished updating DB instance');
}

/** Turning backups on or off restarts the server, as on AWS ("an outage occurs"). A replica's begin with its promotion. */
async function switchBackups(control: ControlPlane, database: Database): Promise<void> {
  const wanted = database.attributes.BackupRetentionPeriod > 0 && !database.source && !database.listedOnly;
  if (wanted === (database.backup !== undefined)) return;
  await control.bringDown(database);
  if (wanted) await openBackup(control, database);
  else await endBackups(control, database);
  await control.bringUp(database);
  if (wanted) await Promise.all([keepBackups(control, database), control.pass(database, 'backing-up', control.durations.backUp)]);
}

/** A rename restarts the server and moves its endpoint; the old name leads nowhere from then on. */
async function rename(control: ControlPlane, database: Database, newIdentifier: string): Promise<void> {
  const old = database.identifier;
  await control.pass(database, 'renaming', control.durations.rename);
  await control.bringDown(database);
  database.identifier = newIdentifier;
  database.status = 'rebooting';
  await control.bringUp(database);
  control.record(database, `Renamed instance from ${old} to ${newIdentifier}`);
}
