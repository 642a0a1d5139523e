import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { readRequest, wavesOf } from '../../lambdas/failover/read-request.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor } from '../kit/services.ts';

const execution = { name: 'run-1', startedAt: '2026-11-20T12:00:00Z' };
const read = (given: unknown) => runStep(readRequest, { execution, given }, baseFor());

describe('read-request', () => {
  it('takes {} as a failover of everything that asks a person first', async () => {
    const { request, waves } = await read({});
    expect(request).toMatchObject({ mode: 'failover', dryRun: false, approvalRequired: true, trigger: 'person' });
    expect(waves).toEqual([['orders']]);
  });

  it('asks nobody when a person gives a reason, or the alarm comes and policy is automatic', async () => {
    expect((await read({ reason: 'planned work' })).request.approvalRequired).toBe(false);
    expect((await read({ trigger: 'alarm', reason: 'alarm' })).request.approvalRequired).toBe(false);
  });

  it('goes on with an incident that is named, under an execution of its own', async () => {
    expect((await read({})).request).toMatchObject({ incident: 'run-1', execution: 'run-1' });
    expect((await read({ incident: 'run-0' })).request).toMatchObject({ incident: 'run-0', execution: 'run-1' });
  });

  it('asks after an alarm when policy is approval', async () => {
    const base = baseFor(undefined, { plan: { ...demo, failover: { ...demo.failover, policy: 'approval' } } });
    const { request } = await runStep(readRequest, { execution, given: { trigger: 'alarm', reason: 'alarm' } }, base);
    expect(request.approvalRequired).toBe(true);
  });

  it.each([
    [{ mode: 'fail-over' }, /mode/],
    [{ dryRun: 'yes' }, /dryRun/],
    [{ workload: 'orders' }, /workload/],
    [{ workloads: ['ordres'] }, /workloads: ordres unknown; known: orders/],
    [{ workloads: [] }, /workloads/],
    [{ detectedAt: 'yesterday' }, /detectedAt/],
  ])('refuses %j and names the field', async (given, message) => {
    const error = await read(given).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidRequest);
    expect((error as Error).message).toMatch(message);
  });

  it('orders workloads into waves, dependencies first', () => {
    const [orders] = demo.workloads;
    const named = (name: string, dependsOn: string[]) => ({ ...orders!, name, dependsOn });
    const plan = {
      ...demo,
      workloads: [named('shop', ['orders', 'login']), named('orders', ['login']), named('login', []), named('mail', [])],
    };
    expect(wavesOf(plan, ['shop', 'orders', 'login', 'mail'])).toEqual([['login', 'mail'], ['orders'], ['shop']]);
    expect(wavesOf(plan, ['shop', 'mail'])).toEqual([['shop', 'mail']]);
  });
});
