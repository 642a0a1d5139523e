import { DatabaseUnrecoverable, messageOf } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { type DBInstance, isOperational, type RdsControl, TERMINAL } from './rds-control.ts';
import { isRefusal } from './rds-instances.ts';
import { changeToReplica, readSettings } from './rds-settings.ts';

/** The name under which a former writer is kept: the epoch is the first one in which it did not write. */
export const setAsideName = (identifier: string, epoch: number): string => `${identifier}-before-epoch-${epoch}`;

export interface Rebuild {
  rds: RdsControl;
  /** ARN of the other site's writer. */
  sourceArn: string;
  /** For a replica of an encrypted writer that has nothing to take after. */
  key: string;
  /** Ends the writing of an epoch; throws until that is proven. */
  fence: (epoch: number) => Promise<unknown>;
  /** Told under which name the former writer is kept, before anything is done to it: twice rather than never. */
  keep: (instance: string) => Promise<unknown>;
  /** Gives a former writer that is renamed its own network settings back; throws until it has them. */
  release: (instance: string) => Promise<unknown>;
  now: () => number;
}

/** For so long a new replica is made like the instance that it replaces; what a person changes of it, or lets wait for a restart, is his. */
const NEW_FOR_MS = 3_600_000;

/**
 * The old writer is fenced and renamed, never deleted, since it may hold rows that nobody else has; then a replica of the other
 * site's writer takes its identifier, and with it its endpoint name. So is a replica of anything but that writer: of one that a restore
 * has replaced. One step a call; says what it did, or `replicating`.
 */
export const rebuildAsReplica = async ({ rds, sourceArn, key, fence, keep, release, now }: Rebuild, epoch: number): Promise<string> => {
  const { identifier } = rds;
  const kept = setAsideName(identifier, epoch);
  const instance = await rds.find();
  if (!instance) {
    // What was a replica has written nothing of its own.
    const former = await rds.find(kept);
    if (!former?.ReadReplicaSourceDBInstanceIdentifier) await keep(kept);
    if (former && !former.ReadReplicaSourceDBInstanceIdentifier) await release(kept);
    await rds.createReplica(sourceArn, await rds.find(kept), key);
    return 'creating the replica';
  }
  const { DBInstanceStatus: status = 'unknown' } = instance;
  if (TERMINAL.has(status)) throw new DatabaseUnrecoverable(`${identifier} is ${status}`);
  if (!isOperational(instance)) return `waiting: ${status}`;
  const source = instance.ReadReplicaSourceDBInstanceIdentifier;
  if (source === sourceArn) return isNew(instance, now()) ? putSettingsBack(rds, instance, await rds.find(kept)) : 'replicating';
  if (!source) {
    await fence(epoch - 1);
    await keep(kept);
  }
  await rds.modify({ NewDBInstanceIdentifier: kept });
  return source ? 'setting a replica of a former writer aside' : 'setting the old writer aside';
};

const isNew = ({ InstanceCreateTime }: DBInstance, now: number): boolean =>
  InstanceCreateTime !== undefined && now - InstanceCreateTime.getTime() < NEW_FOR_MS;

/** What a replica could not be told when it was made. What RDS refuses of it is logged: a standby without it is still a standby. */
const putSettingsBack = async (rds: RdsControl, replica: DBInstance, former: DBInstance | undefined): Promise<string> => {
  const change = former && changeToReplica(readSettings(former), readSettings(replica));
  if (change) {
    try {
      await rds.modify(change);
      return `putting back ${Object.keys(change).join(', ')}`;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      log('standby-setting-refused', { instance: rds.identifier, settings: Object.keys(change), because: messageOf(error) });
    }
  }
  const isPending = replica.DBParameterGroups?.[0]?.ParameterApplyStatus === 'pending-reboot';
  if (!former || !isPending) return 'replicating';
  await rds.reboot();
  return 'restarting it with its parameter group';
};
