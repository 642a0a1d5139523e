import { rm } from 'node:fs/promises';
import path from 'node:path';
import type {
  CreateDBInstanceReadReplicaMessage,
  CreateDBInstanceReadReplicaResult,
  PromoteReadReplicaMessage,
  PromoteReadReplicaResult,
} from '@aws-sdk/client-rds';
import { baseBackup } from '../../postgres/base-backup.ts';
import { follow, promote } from '../../postgres/standby.ts';
import type { Actions, Call } from '../action.ts';
import { given, withDefaults } from '../attributes.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Database } from '../database.ts';
import { describe } from '../describe.ts';
import { instanceAlreadyExists, invalidCombination, invalidInstanceState, invalidValue } from '../errors.ts';
import { keepBackups, openBackup } from '../keep-backups.ts';
import { identifier } from '../names.ts';
import { finishCreation } from './create-instance.ts';

const MAX_REPLICAS = 15;
const COPY_ATTEMPTS = 5;

export const readReplicas: Actions = { CreateDBInstanceReadReplica: create, PromoteReadReplica: promoteReplica };

async function create({ control, region }: Call, input: CreateDBInstanceReadReplicaMessage): Promise<CreateDBInstanceReadReplicaResult> {
  const name = identifier(input.DBInstanceIdentifier, 'DBInstanceIdentifier');
  if (!input.SourceDBInstanceIdentifier) throw invalidValue('SourceDBInstanceIdentifier is required.');
  checkPresignedUrl(input.PreSignedUrl, region);
  const source = control.getAvailable(region, input.SourceDBInstanceIdentifier);
  if (source.attributes.BackupRetentionPeriod === 0) {
    throw invalidInstanceState(
      'Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.',
    );
  }
  if (control.replicasOf(source).length >= MAX_REPLICAS)
    throw invalidInstanceState(`${source.identifier} has ${MAX_REPLICAS} read replicas already.`);
  if (source.attributes.StorageEncrypted && source.region !== region && !input.KmsKeyId) {
    throw invalidCombination('A cross-Region read replica of an encrypted DB instance needs a KmsKeyId of the destination Region.');
  }
  if (input.DBParameterGroupName)
    throw invalidCombination("A parameter group can't be specified during Read Replica creation for the following DB engine: postgres");
  if (control.isTaken(region, name)) throw instanceAlreadyExists();
  const replica = newReplica(control, region, name, source, input);
  control.begin(replica, () => build(control, replica, source));
  return { DBInstance: await describe(control, replica) };
}

/** The SDK signs a request to the source's region into each cross-region request. It must be meant for this one. */
function checkPresignedUrl(url: string | undefined, region: string): void {
  if (url === undefined) return;
  const destination = new URL(url).searchParams.get('DestinationRegion');
  if (destination !== region) throw invalidValue(`PreSignedUrl is for destination region ${destination}, not ${region}.`);
}

function newReplica(
  control: ControlPlane,
  region: string,
  name: string,
  source: Database,
  input: CreateDBInstanceReadReplicaMessage,
): Database {
  const { DBInstanceClass, MasterUsername, DBName, Engine, EngineVersion, AllocatedStorage, StorageType, StorageEncrypted } =
    source.attributes;
  const inherited = { DBInstanceClass, MasterUsername, DBName, Engine, EngineVersion, AllocatedStorage, StorageType, StorageEncrypted };
  const local =
    source.region === region ? { KmsKeyId: source.attributes.KmsKeyId, VpcSecurityGroups: source.attributes.VpcSecurityGroups } : {};
  const settings = {
    ...inherited,
    ...local,
    BackupRetentionPeriod: 0,
    ...given(input),
    DBInstanceClass: input.DBInstanceClass ?? DBInstanceClass,
  };
  const replica = control.add(region, name, withDefaults(region, settings), input.Port ?? source.port);
  replica.source = source;
  replica.setTags(input.Tags);
  return replica;
}

async function build(control: ControlPlane, replica: Database, source: Database): Promise<void> {
  await control.pass(replica, 'creating', control.durations.createReplica);
  await copyThroughLink(control, replica, source);
  await control.bringUp(replica);
  await finishCreation(control, replica);
}

/** The copy travels through the link between the regions, as the stream after it will, so it can break off and be tried again. */
async function copyThroughLink(control: ControlPlane, replica: Database, source: Database): Promise<void> {
  const { server } = replica;
  const { installation } = server;
  const tar = path.join(control.options.directory, `${replica.resourceId}.tar`);
  const primary = { port: await control.endpoints.replicationRoute(replica, source), password: installation.password };
  for (let attempt = 1; ; attempt++) {
    await control.background.untilReachable(source.region, replica.region);
    try {
      await baseBackup(primary, tar, { slot: replica.slot });
      break;
    } catch (error) {
      if (attempt === COPY_ATTEMPTS || source.deleted) throw error;
      await control.pause(replica.region, control.durations.createReplica);
    }
  }
  await replica.exclusive(async () => {
    await server.unpack(tar);
    await follow(server, primary, replica.slot);
  });
  await rm(tar);
}

async function promoteReplica({ control, region }: Call, input: PromoteReadReplicaMessage): Promise<PromoteReadReplicaResult> {
  const replica = control.get(region, input.DBInstanceIdentifier);
  if (!replica.source) throw invalidInstanceState(`DB Instance ${replica.identifier} is not a read replica.`);
  control.getAvailable(region, input.DBInstanceIdentifier);
  const retention = input.BackupRetentionPeriod ?? 1;
  if (retention < 0 || retention > 35) throw invalidValue(`Invalid backup retention period: ${retention}. Must be between 0 and 35.`);
  control.begin(replica, () => makeStandalone(control, replica, retention));
  return { DBInstance: await describe(control, replica) };
}

/** Promotion as on AWS: the status stays what it was for a moment, and the server restarts before it is its own. */
export async function makeStandalone(control: ControlPlane, replica: Database, backupRetentionDays: number): Promise<void> {
  const { durations } = control;
  await control.pass(replica, replica.status, durations.react);
  await control.pass(replica, 'modifying', durations.promote);
  await control.onServer(replica, () => promote(replica.server));
  await control.pass(replica, 'rebooting', 0);
  await control.bringDown(replica);
  await control.pause(replica.region, durations.reboot);
  replica.attributes.BackupRetentionPeriod = backupRetentionDays;
  await openBackup(control, replica);
  await control.bringUp(replica);
  const { source } = replica;
  replica.source = undefined;
  replica.status = 'available';
  control.record(replica, 'Promoted Read Replica instance to a stand-alone database instance.');
  control.background.track(keepBackups(control, replica));
  if (source) control.background.track(control.dropOrphanedSlots(source));
}
