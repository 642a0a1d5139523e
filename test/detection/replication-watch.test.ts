import { expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { replicationWatch } from '../../lambdas/detection/replication-watch.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import type { StandbyReading } from '../../lambdas/resources/database.ts';
import { leaseOf, NOW } from '../kit/services.ts';

const watch = (read: () => Promise<StandbyReading>, lease: Lease | undefined = leaseOf()) => {
  const said: string[] = [];
  const log = (event: string) => void said.push(event);
  const services = { plan: demo, site: 'recovery' as const, databases: [{ standby: read }], lease: () => lease, log };
  return { measure: replicationWatch(demo.workloads[0]!, services), said };
};
const behindBy = (seconds: number) => async () => ({ inRecovery: true, replayLsn: '0/1', heartbeatAt: NOW - 2_000 - seconds * 1000 });
const values = async (measure: () => ReturnType<ReturnType<typeof replicationWatch>>) =>
  Object.fromEntries((await measure()).map(({ name, value }) => [name, value]));

it('puts the lag of the standby, and whether it is over the RPO', async () => {
  expect(await values(watch(behindBy(60)).measure)).toEqual({ ReplicationLagging: 0, replication_lag_seconds: 60 });
  expect(await values(watch(behindBy(61)).measure)).toEqual({ ReplicationLagging: 1, replication_lag_seconds: 61 });
});

it.each([
  ['the standby does not answer', async () => Promise.reject(new NotReady('cannot connect'))],
  ['it has no heartbeat', async () => ({ inRecovery: true, replayLsn: '0/1' })],
  ['it is a writer of an older epoch', async () => ({ inRecovery: false, replayLsn: '0/1' })],
] as const)('counts as lagging, without a figure, when %s', async (_, read) => {
  expect(await values(watch(read).measure)).toEqual({ ReplicationLagging: 1 });
});

it('says nothing where the workload is active, or nobody knows where it is', async () => {
  expect(await watch(behindBy(99), leaseOf({ holder: 'recovery' })).measure()).toEqual([]);
  const services = { plan: demo, site: 'recovery' as const, databases: [], lease: () => undefined, log: () => undefined };
  expect(await replicationWatch(demo.workloads[0]!, services)()).toEqual([]);
});

it('logs a change once', async () => {
  const { measure, said } = watch(behindBy(61));
  await measure();
  await measure();
  expect(said).toEqual(['replication-lag']);
});
