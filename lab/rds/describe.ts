import type { DBInstance, DBInstanceStatusInfo } from '@aws-sdk/client-rds';
import { isStreaming } from '../postgres/standby.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Database } from './database.ts';

/** An instance as RDS describes it. Which replicates from which is read from the one record there is, so the two sides always agree. */
export async function describe(control: ControlPlane, database: Database): Promise<DBInstance> {
  const { source } = database;
  const replicas = control.replicasOf(database).map((replica) => referenceFrom(control, database, replica));
  return {
    ...database.attributes,
    DBInstanceIdentifier: database.identifier,
    DBInstanceArn: control.arn(database),
    DbiResourceId: database.resourceId,
    DBInstanceStatus: database.status,
    InstanceCreateTime: database.createdAt,
    LatestRestorableTime: database.backup?.latestTime,
    Endpoint: database.createdAt && { Address: control.endpoints.host(database), Port: database.port, HostedZoneId: 'Z2R2ITUGPM61AM' },
    PendingModifiedValues: database.pending,
    ReadReplicaSourceDBInstanceIdentifier: source && referenceFrom(control, database, source),
    ReadReplicaDBInstanceIdentifiers: replicas,
    StatusInfos: source && [await replicationStatus(database, source)],
    TagList: database.tagList,
  };
}

/** Within a region instances are named by identifier, across regions by ARN. */
function referenceFrom(control: ControlPlane, from: Database, to: Database): string {
  return from.region === to.region ? to.identifier : control.arn(to);
}

async function replicationStatus(replica: Database, source: Database): Promise<DBInstanceStatusInfo> {
  const StatusType = 'read replication';
  if (source.deleted) return { StatusType, Normal: false, Status: 'terminated' };
  const streaming = replica.server.running && (await isStreaming(replica.server).catch(() => false));
  return { StatusType, Normal: streaming, Status: streaming ? 'replicating' : 'error' };
}
