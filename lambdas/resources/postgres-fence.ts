import type pg from 'pg';
import { LeaseLost } from '../kit/errors.ts';
import { closeLease, readLease } from './postgres-lease.ts';
import { fenceRoles, isFenced, isInRecovery, readStandby } from './postgres-writer.ts';

/**
 * The fence by SQL: the workload's logins off, its sessions ended, and its epoch closed in the database lease for good. Without an epoch
 * only what is overdue is ended: nothing, while another guard keeps the database lease alive. A server in recovery writes nothing.
 * @throws LeaseLost when a later epoch writes here, NotReady while a session is still there.
 */
export const fenceBySql = async (
  client: pg.Client,
  { epoch, roles, sleep, name }: { epoch?: number; roles: readonly string[]; sleep: (ms: number) => Promise<void>; name: string },
): Promise<{ finalLsn: string; endedSessions: number }> => {
  const laterEpoch = () => new LeaseLost(`${name} is written in an epoch later than ${epoch}`);
  const closeWrites = async () => {
    if (epoch !== undefined && (await closeLease(client, epoch)) === 'later epoch') throw laterEpoch();
  };
  if (await isInRecovery(client)) return { finalLsn: '0/0', endedSessions: 0 };
  const lease = await readLease(client);
  if (epoch !== undefined && (lease?.epoch ?? 0) > epoch) throw laterEpoch();
  const renewedByAnother = epoch === undefined && lease?.live === true;
  if (renewedByAnother || (await isFenced(client, roles))) {
    await closeWrites();
    return { finalLsn: (await readStandby(client)).replayLsn, endedSessions: 0 };
  }
  return fenceRoles(client, roles, sleep, closeWrites);
};
