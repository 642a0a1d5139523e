import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SLEEPERS, totalSeconds, WAKING_SECONDS, waitBoundsOf, waitsOf, workBoundSeconds } from '../../environments/budget.ts';
import { defineEnvironment } from '../../environments/define.ts';
import demo from '../../environments/demo.ts';
import { machineSteps } from '../../infra/failover-steps.ts';
import { wakingSeconds } from '../../infra/machine-step.ts';
import { longestWaits, runTimeoutSeconds } from '../../infra/run-bounds.ts';
import { attemptsOf, type Json, substitute } from '../../infra/state-machine.ts';
import { environment, workload } from '../environments/fixtures.ts';

describe('substitute', () => {
  it('keeps numbers numbers, reaches every depth, and leaves all other text alone', () => {
    const text: Json = { a: '${One}', b: ['${Two}', 'not ${One}', { c: '$.path', d: null, e: true }] };
    expect(substitute(text, { One: 1, Two: 'two' })).toEqual({ a: 1, b: ['two', 'not ${One}', { c: '$.path', d: null, e: true }] });
  });

  it('names placeholders without a value and values without a placeholder, all at once', () => {
    expect(() => substitute({ a: '${Here}', b: '${Gone}' }, { Here: 1, Extra: 2 })).toThrow(
      'state machine: placeholder ${Gone} has no value; value Extra is used by no placeholder',
    );
  });
});

describe('attemptsOf', () => {
  it('computes from the rhythm beside the placeholder', () => {
    const retrier = { IntervalSeconds: 1, BackoffRate: 1.5, MaxDelaySeconds: 2, MaxAttempts: '${TakeLeaseMaxAttempts}' };
    expect(attemptsOf({ Retry: [retrier, { MaxAttempts: 4 }] }, { TakeLease: 10 })).toEqual({ TakeLeaseMaxAttempts: 5 });
  });

  it('leaves an unknown wait to substitute, which names it', () => {
    expect(attemptsOf({ MaxAttempts: '${OtherMaxAttempts}' }, { TakeLease: 10 })).toEqual({});
  });
});

describe('the failover machine', () => {
  it('has time for each of its functions that may sleep to wake', () => {
    expect(wakingSeconds(machineSteps)).toBe(SLEEPERS * WAKING_SECONDS);
    const [orders] = demo.workloads;
    const { ScaleCompute: beside, ...inTurn } = waitBoundsOf(demo, orders!);
    expect(beside).toBeLessThanOrEqual(inTurn.PromoteDatabase);
    const waits = Object.values(inTurn).reduce((sum, seconds) => sum + seconds, 0);
    expect(workBoundSeconds(demo, orders!)).toBe(2 * waits + 15 * 30 + wakingSeconds(machineSteps));
  });

  it('waits for the lease longer than it can live, and for the promotion longer than planned', () => {
    const text = JSON.parse(readFileSync(join(import.meta.dirname, '../../statemachines/failover.asl.json'), 'utf8')) as Json;
    const attempts = attemptsOf(text, longestWaits(demo));
    expect(Object.keys(attempts)).toHaveLength(10);
    const delays = (count: number, most: number) =>
      Array.from({ length: count }, (_, n) => Math.min(1.5 ** n, most)).reduce((sum, delay) => sum + delay, 0);
    expect(delays(attempts.TakeLeaseMaxAttempts!, 2)).toBeGreaterThan(demo.lease.ttlSeconds + demo.lease.maxClockSkewSeconds);
    const promotion = waitsOf(demo, demo.workloads[0]!).find(({ what }) => what.startsWith('promotion'))!.seconds;
    expect(delays(attempts.PromoteDatabaseMaxAttempts!, 5)).toBeGreaterThan(promotion);
    expect(totalSeconds(waitsOf(demo, demo.workloads[0]!))).toBeLessThanOrEqual(300);
  });

  it('as a whole outlives its waves, one after the other', () => {
    const one = runTimeoutSeconds(defineEnvironment(environment()));
    const chain = [workload('a'), workload('b', { dependsOn: ['a'] }), workload('c', { dependsOn: ['b'] })];
    expect(runTimeoutSeconds(defineEnvironment(environment({ workloads: chain })))).toBe(3 * one);
    const many = (length: number) =>
      runTimeoutSeconds(defineEnvironment(environment({ workloads: Array.from({ length }, (_, n) => workload(`w${n}`)) })));
    expect(many(25)).toBe(3 * one);
    expect(many(60), 'of one run, which takes no more than 20').toBe(3 * one);
  });
});
