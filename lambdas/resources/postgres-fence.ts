import type pg from 'pg';
import { LeaseLost } from '../kit/errors.ts';
import type { FenceResult } from './database.ts';
import { closeLease, LEASE_EXPIRED, readLease } from './postgres-lease.ts';
import { fenceRoles, isFenced, isInRecovery, readStandby } from './postgres-writer.ts';

/**
 * The fence by SQL: the workload's logins off, its sessions ended, and its epoch closed in the database lease for good. Without an epoch
 * only what is overdue is ended: nothing, while another guard keeps the database lease alive. A server in recovery writes nothing.
 * @throws LeaseLost when a later epoch writes here, NotReady while a session is still there.
 */
export const fenceBySql = async (
  client: pg.Client,
  { epoch, roles, sleep, name }: { epoch?: number; roles: readonly string[]; sleep: (ms: number) => Promise<void>; name: string },
): Promise<FenceResult> => {
  const laterEpoch = () => new LeaseLost(`${name} is written in an epoch later than ${epoch}`);
  const closeWrites = async () => {
    if (epoch !== undefined && (await closeLease(client, epoch)) === 'later epoch') throw laterEpoch();
  };
  if (await isInRecovery(client)) return { finalLsn: '0/0', endedSessions: 0, proof: 'a server in recovery accepts no write' };
  const lease = await readLease(client);
  if (epoch !== undefined && (lease?.epoch ?? 0) > epoch) throw laterEpoch();
  const renewedByAnother = epoch === undefined && lease?.live === true;
  if (renewedByAnother) return { finalLsn: (await readStandby(client)).replayLsn, endedSessions: 0, proof: 'another guard renews here' };
  if (!(await isFenced(client, roles))) return { ...(await fenceRoles(client, roles, sleep, closeWrites)), proof: await proofOf(client) };
  await closeWrites();
  return { finalLsn: (await readStandby(client)).replayLsn, endedSessions: 0, proof: await proofOf(client) };
};

/**
 * Asks for a write that would change nothing: the database lease refuses it already at the statement. In a table of Lifeboat's own, since
 * a statement on the workload's would run the workload's triggers too, as Lifeboat.
 */
const proofOf = async (client: pg.Client): Promise<string> => {
  const closed = 'no login and no session of the workload is left';
  const { rows } = await client.query(`SELECT to_regclass('lifeboat.probe') IS NOT NULL AS installed`);
  if (!rows[0].installed) return closed;
  const covered = await client.query('SELECT FROM lifeboat.coverage WHERE at_statement LIMIT 1');
  if (covered.rows.length === 0) return closed;
  try {
    await client.query('INSERT INTO lifeboat.probe SELECT WHERE false');
    return closed;
  } catch (error) {
    return (error as { code?: string }).code === LEASE_EXPIRED ? `${closed}; a write was refused` : closed;
  }
};
