import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { decide, startFailover } from '../../lambdas/detection/start-failover.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const alarm = (value: string, workload = 'orders') => ({
  alarmData: {
    alarmName: 'lifeboat-demo-orders-down',
    state: { value, timestamp: '2026-11-20T12:00:00.123+0000' },
    configuration: { metrics: [{ metricStat: { metric: { dimensions: { Environment: 'demo', Workload: workload } } } }] },
  },
});

const run = async (event: ReturnType<typeof alarm>, lease = leaseOf()) => {
  const started: { name: string; input: Record<string, unknown> }[] = [];
  const told: string[] = [];
  const services = {
    ...baseFor(lease),
    start: async (name: string, input: Record<string, unknown>) => {
      started.push({ name, input });
      return 'started' as const;
    },
    tell: async (subject: string) => void told.push(subject),
  };
  return { result: await runStep(startFailover, event, services), started, told };
};

describe('start-failover', () => {
  it('starts one run under a name made of workload, epoch and the alarm’s time', async () => {
    const { started } = await run(alarm('ALARM'));
    expect(started).toEqual([
      {
        name: 'orders-e3-20261120120000123',
        input: expect.objectContaining({ workloads: ['orders'], mode: 'failover', trigger: 'alarm' }),
      },
    ]);
  });

  it('does nothing when the alarm clears, and refuses a workload that it does not know', async () => {
    expect((await run(alarm('OK'))).started).toEqual([]);
    await expect(run(alarm('ALARM', 'other'))).rejects.toBeInstanceOf(InvalidRequest);
  });

  it.each([
    ['the site is active itself', demo, leaseOf({ holder: 'recovery' })],
    [
      'a run works on it',
      demo,
      leaseOf({ claim: { site: 'recovery', incident: 'x', execution: 'x', mode: 'failover', expiresAt: NOW + 1 } }),
    ],
    ['the policy is manual', { ...demo, failover: { ...demo.failover, policy: 'manual' as const } }, leaseOf()],
    ['there is no lease', demo, undefined],
  ])('does not start while %s', (_, plan, lease) => {
    expect(decide(plan, lease, 'recovery', NOW)).toMatchObject({ start: false, because: expect.any(String) });
  });

  it('starts although a planned move waits for a person or for compute: an outage does not wait for it', () => {
    const claim = { site: 'recovery', incident: 'x', execution: 'x', mode: 'switchover', expiresAt: NOW + 1 } as const;
    expect(decide(demo, leaseOf({ claim }), 'recovery', NOW)).toMatchObject({ start: true });
    expect(decide(demo, leaseOf({ claim: { ...claim, acting: true } }), 'recovery', NOW)).toMatchObject({ start: false });
  });

  it('starts a run that asks a person while the cool-down runs, and one that needs nobody from its end on', async () => {
    const end = NOW - 60_000 + 30 * 60_000;
    const moved = leaseOf({ movedAt: NOW - 60_000 });
    expect(decide(demo, moved, 'recovery', NOW)).toEqual({ start: true, cooldownUntil: new Date(end).toISOString() });
    expect(decide(demo, moved, 'recovery', end - 1)).toHaveProperty('cooldownUntil', expect.any(String));
    expect(decide(demo, moved, 'recovery', end)).toEqual({ start: true, cooldownUntil: undefined });
    const { started } = await run(alarm('ALARM'), moved);
    expect(started[0]!.input).toHaveProperty('cooldownUntil', new Date(end).toISOString());
  });

  it('tells people when it does not start', async () => {
    const { started, told } = await run(alarm('ALARM'), leaseOf({ holder: 'recovery' }));
    expect(started).toEqual([]);
    expect(told).toHaveLength(1);
  });
});
