import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { afterApproval, compare, gate, measureLag } from '../../lambdas/failover/measure-lag.ts';
import type { Approved } from '../../lambdas/kit/approvals.ts';
import { LagRefused, NotReady } from '../../lambdas/kit/errors.ts';
import type { Lag } from '../../lambdas/kit/incidents.ts';
import type { Pledge } from '../../lambdas/kit/pledges.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import { baseFor, databaseOf, leaseOf, MemoryPledges, NOW, request } from '../kit/services.ts';

const servicesOf = (database: DatabaseAdapter, pledge: Pledge = {}) => ({
  databasesFor: () => [database],
  pledges: new MemoryPledges(pledge),
});
const measure = (database: DatabaseAdapter, lease = leaseOf(), over = {}) =>
  runStep(measureLag, { workload: 'orders', request: request(over) }, { ...baseFor(lease), ...servicesOf(database) });
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
      runStep(measureLag, { workload: 'orders', request: request() }, { ...base, ...servicesOf(database) });
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

describe('a writer that went on without heartbeats', () => {
  const TTL = demo.lease.ttlSeconds * 1000;
  const SECOND = 1_000;
  const BEAT = NOW - 3_600 * SECOND;
  /** The standby has the last heartbeat that the ledger knows; its engine has replayed until `replayedFor` after that. */
  const standbyOf = (replayedFor?: number) => {
    const replayedAt = replayedFor === undefined ? undefined : BEAT + replayedFor;
    return databaseOf({ standby: async () => ({ inRecovery: true, replayLsn: '0/1', heartbeatAt: BEAT, replayedAt }) });
  };
  /** Renewed and pledged for so long after the heartbeat. */
  const lagOf = (
    database: DatabaseAdapter,
    {
      renewedFor = 0,
      pledgedFor,
      lease = {},
      plan = demo,
    }: { renewedFor?: number; pledgedFor?: number; lease?: object; plan?: typeof demo },
  ) => {
    const pledge = pledgedFor === undefined ? {} : { site: 'primary' as const, epoch: 3, until: BEAT + pledgedFor + TTL };
    const base = baseFor(leaseOf({ heartbeatAt: BEAT, expiresAt: BEAT + renewedFor + TTL, ...lease }), { plan });
    return runStep(measureLag, { workload: 'orders', request: request() }, { ...base, ...servicesOf(database, pledge) });
  };

  it('under our pledges is measured by the engine: what it wrote when nothing was replicated any more is no 0 s', async () => {
    const wrote = { pledgedFor: 3_590 * SECOND };
    const lost = await lagOf(standbyOf(600 * SECOND), wrote);
    expect(lost).toMatchObject({
      kind: 'known',
      seconds: 2_990,
      decision: 'ask',
      measures: expect.stringContaining('may have written for 3590 s'),
    });
    expect(await lagOf(standbyOf(3_586 * SECOND), wrote)).toMatchObject({ kind: 'known', seconds: 4, decision: 'pass' });
  });

  it('is unknown where the engine does not tell either', async () => {
    await expect(lagOf(standbyOf(), { pledgedFor: 3_590 * SECOND })).rejects.toThrow(
      /may have written for 3590 s after its last heartbeat/,
    );
  });

  it('and was renewed by a guard that does not reach it: its right ends inside, or counts for as long as it was renewed', async () => {
    const renewed = { renewedFor: 300 * SECOND };
    expect(await lagOf(standbyOf(0), renewed)).toMatchObject({ kind: 'known', seconds: demo.lease.ttlSeconds, decision: 'pass' });
    const workloads = demo.workloads.map((workload) => ({
      ...workload,
      databases: workload.databases.map((database) => ({ ...database, enforcement: 'guard' as const })),
    }));
    const plan = { ...demo, workloads };
    expect(await lagOf(standbyOf(0), { ...renewed, plan })).toMatchObject({ kind: 'known', seconds: 300, decision: 'ask' });
  });

  it.each([
    ['a heartbeat or two that failed', { renewedFor: 2 * demo.lease.renewEverySeconds * SECOND }],
    ['a pledge of an earlier silence', { pledgedFor: -86_400 * SECOND }],
    ['a pledge between two renewals', { pledgedFor: demo.lease.renewEverySeconds * SECOND }],
    [
      'a lease that this site has taken since',
      { renewedFor: 3_600 * SECOND, pledgedFor: 60 * SECOND, lease: { holder: 'recovery', epoch: 4 } },
    ],
  ])('is none that has left only %s', async (_, left) => {
    expect(await lagOf(standbyOf(), left)).toMatchObject({ kind: 'known', seconds: 0, decision: 'pass' });
  });
});

describe('a lag that is measured again after an approval', () => {
  const known = (seconds: number): Lag => ({ kind: 'known', seconds });
  const unknown: Lag = { kind: 'unknown', why: 'nobody answers' };
  it.each<[string, 'pass' | 'ask', Approved | undefined, Lag, string]>([
    ['nobody approved anything', 'ask', undefined, known(90), 'ask'],
    ['it is within the objective', 'pass', { via: 'command', lag: known(3) }, known(5), 'approved'],
    ['it grew by less than the objective', 'ask', { via: 'command', lag: known(100) }, known(160), 'approved'],
    ['it grew by more', 'ask', { via: 'command', lag: known(100) }, known(161), 'ask'],
    ['it is unknown by now', 'ask', { via: 'link', lag: known(100) }, unknown, 'ask'],
    ['it was unknown then', 'ask', { via: 'link', lag: unknown }, known(4_000), 'approved'],
    ['the policy accepts what can be told', 'ask', { via: 'policy', lag: known(100) }, known(4_000), 'approved'],
    ['the policy accepts nothing that cannot', 'ask', { via: 'policy', lag: known(100) }, unknown, 'ask'],
  ])('%s', (_, decision, approved, lag, expected) => {
    expect(afterApproval(decision, approved, lag, 60)).toBe(expected);
  });
});
