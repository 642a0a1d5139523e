import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { compare, gate, measureLag } from '../../lambdas/failover/measure-lag.ts';
import { LagRefused, NotReady } from '../../lambdas/kit/errors.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import { baseFor, databaseOf, leaseOf, NOW, request } from '../kit/services.ts';

const measure = (database: DatabaseAdapter, lease = leaseOf(), over = {}) =>
  runStep(measureLag, { workload: 'orders', request: request(over) }, { ...baseFor(lease), databasesFor: () => [database] });
const standby = (heartbeatAt?: number) => databaseOf({ standby: async () => ({ inRecovery: true, replayLsn: '0/1', heartbeatAt }) });

describe('measure-lag', () => {
  it("is the writer's last heartbeat in the ledger less the newest one on the standby", async () => {
    expect(await measure(standby(NOW - 9_500))).toMatchObject({ kind: 'known', seconds: 7.5, decision: 'pass', objectiveSeconds: 60 });
    expect(await measure(standby(NOW - 1_000))).toMatchObject({ seconds: 0, decision: 'pass' });
  });

  it.each([
    ['the engine, which has replayed nothing for longer', NOW - 9_500, NOW - 42_000, 40, /heartbeat 7.5 s, engine 40 s.*they disagree/],
    ['the heartbeat, whose row is older', NOW - 42_000, NOW - 9_500, 40, /heartbeat 40 s, engine 7.5 s.*they disagree/],
    ['both, when they agree', NOW - 9_500, NOW - 9_000, 7.5, /heartbeat 7.5 s, engine 7 s; receiver streaming$/],
    ['the heartbeat, when the engine says nothing', NOW - 9_500, undefined, 7.5, /replayed no transaction since its start/],
  ])('believes the worse of two measures, and writes down what they say: %s', async (_, heartbeatAt, replayedAt, seconds, measures) => {
    const reading = { inRecovery: true, replayLsn: '0/1', heartbeatAt, replayedAt, receiver: 'streaming' };
    const result = await measure(databaseOf({ standby: async () => reading }));
    expect(result).toMatchObject({ kind: 'known', seconds, measures: expect.stringMatching(measures) });
  });

  it('records a loss over the objective that the policy accepts, and none within it', async () => {
    const plan = { ...demo, failover: { ...demo.failover, lagOverObjective: 'proceed' as const } };
    const base = baseFor(leaseOf(), { plan });
    const run = (database: DatabaseAdapter) =>
      runStep(measureLag, { workload: 'orders', request: request() }, { ...base, databasesFor: () => [database] });
    expect(await run(standby(NOW - 9_500))).toMatchObject({ decision: 'pass' });
    expect(await base.incidents.find('run-1', 'orders')).not.toHaveProperty('acceptedLoss');
    expect(await run(standby(NOW - 200_000))).toMatchObject({ decision: 'pass' });
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({
      acceptedLoss: { by: 'policy lagOverObjective: proceed', objectiveSeconds: 60, lag: { seconds: 198 } },
    });
  });

  it('asks a person when the lag is over the objective', async () => {
    expect(await measure(standby(NOW - 200_000))).toMatchObject({ decision: 'ask' });
  });

  it.each([
    ['no heartbeat row', standby(undefined), leaseOf()],
    ['no heartbeat in the ledger', standby(NOW), leaseOf({ heartbeatAt: undefined })],
    ['a standby newer than the ledger by more than a lease', standby(NOW + 60_000), leaseOf()],
  ])('refuses with %s: unknown is not zero', async (_, database, lease) => {
    await expect(measure(database, lease)).rejects.toBeInstanceOf(LagRefused);
  });

  it('waits for a standby that does not answer', async () => {
    const database = databaseOf({ standby: async () => Promise.reject(new NotReady('cannot connect')) });
    await expect(measure(database)).rejects.toBeInstanceOf(NotReady);
  });

  it('reports and writes nothing in a dry run', async () => {
    expect(await measure(standby(undefined), leaseOf(), { dryRun: true })).toMatchObject({ would: expect.stringContaining('stop') });
  });

  it('follows the written policy', () => {
    const over = { kind: 'known', seconds: 61 } as const;
    expect(gate(over, 60, { lagOverObjective: 'proceed', lagUnknown: 'refuse' })).toBe('pass');
    expect(() => gate(over, 60, { lagOverObjective: 'refuse', lagUnknown: 'ask' })).toThrow(LagRefused);
    expect(gate({ kind: 'unknown', why: '' }, 60, { lagOverObjective: 'proceed', lagUnknown: 'ask' })).toBe('ask');
    expect(gate({ kind: 'known', seconds: 60 }, 60, demo.failover)).toBe('pass');
  });

  it('takes no standby of a database that was replaced for one of the writer, however near it is in time', async () => {
    const of = (heartbeatEpoch: number) => {
      const reading = { inRecovery: true, replayLsn: '0/1', heartbeatAt: NOW - 2_500, heartbeatEpoch };
      return measure(databaseOf({ standby: async () => reading }));
    };
    expect(await of(3)).toMatchObject({ kind: 'known', seconds: 0.5 });
    await expect(of(2)).rejects.toThrow('the standby follows a writer of epoch 2, and this is epoch 3');
    const resumed = { writerBeatAt: NOW, epoch: 4, holdsHere: true };
    const promoting = { inRecovery: true, replayLsn: '0/1', heartbeatAt: NOW - 500, heartbeatEpoch: 3 };
    expect(compare(promoting, resumed, demo)).toMatchObject({ kind: 'known' });
  });

  it('has no lag left to measure on what this run has promoted, and refuses a writer of an older epoch', async () => {
    const writer = { inRecovery: false, replayLsn: '0/1' };
    expect(compare(writer, { writerBeatAt: undefined, holdsHere: true }, demo)).toEqual({ kind: 'known', seconds: 0 });
    expect(compare(writer, { writerBeatAt: NOW, holdsHere: false }, demo)).toMatchObject({ kind: 'unknown' });
    await expect(measure(databaseOf({ standby: async () => writer }))).rejects.toBeInstanceOf(LagRefused);
  });
});
