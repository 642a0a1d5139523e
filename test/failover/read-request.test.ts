import { describe, expect, it } from 'vitest';
import { move } from '../../bin/commands/move.ts';
import { type Operator, UsageError } from '../../bin/commands/operator.ts';
import demo from '../../environments/demo.ts';
import { WORKLOADS_PER_RUN } from '../../environments/run-size.ts';
import { readRequest, wavesOf } from '../../lambdas/failover/read-request.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor } from '../kit/services.ts';

const execution = { name: 'run-1', startedAt: '2026-11-20T12:00:00Z' };
const fleetOf = (count: number) => ({
  ...demo,
  workloads: Array.from({ length: count }, (_, i) => ({ ...demo.workloads[0]!, name: `orders-${i}` })),
});
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
    const given = { incident: 'run-0', workloads: ['orders'] };
    expect((await read(given)).request).toMatchObject({ incident: 'run-0', execution: 'run-1' });
  });

  it('goes on with those workloads alone that have the incident, unless some are named', async () => {
    const plan = fleetOf(3);
    const base = baseFor(undefined, { plan });
    await base.incidents.note('run-0', 'orders-1', { outcome: 'interrupted' });
    const wavesIn = async (given: unknown) => (await runStep(readRequest, { execution, given }, base)).waves;
    await base.incidents.note('run-0', 'orders-0', { outcome: 'aborted' });
    expect(await wavesIn({ incident: 'run-0' })).toEqual([['orders-1']]);
    // A run that was stopped before it opened its incident is gone on with too.
    expect(await wavesIn({ incident: 'run-00', workloads: ['orders-2'] })).toEqual([['orders-2']]);
    await expect(wavesIn({ incident: 'run-00' })).rejects.toThrow("incident: 'run-00' is none of any workload here");
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
    // Keys of the ledger's own.
    [{ incident: 'index', workloads: ['orders'] }, /incident: the name of an execution/],
    [{ incident: 'index#failover', workloads: ['orders'] }, /incident: the name of an execution/],
  ])('refuses %j and names the field', async (given, message) => {
    const error = await read(given).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidRequest);
    expect((error as Error).message).toMatch(message);
  });

  describe('of more workloads than one run has room for', () => {
    const plan = fleetOf(WORKLOADS_PER_RUN + 1);
    const all = plan.workloads.map(({ name }) => name);
    const readIn = (given: unknown) => runStep(readRequest, { execution, given }, baseFor(undefined, { plan }));
    const refusal = 'workloads: one run has room for 20, not for 21; name some';

    it('is refused, said or left out, with the fix', async () => {
      await expect(readIn({})).rejects.toThrow(InvalidRequest);
      await expect(readIn({})).rejects.toThrow(refusal);
      await expect(readIn({ workloads: all, dryRun: true })).rejects.toThrow(refusal);
    });

    it('takes as many as fit, each counted once', async () => {
      const most = all.slice(0, WORKLOADS_PER_RUN);
      expect((await readIn({ workloads: [...most, most[0]] })).waves).toEqual([most]);
    });

    it('is refused by the command before anything is started', async () => {
      const started: string[] = [];
      const send = async () => {
        started.push('run');
        return { executionArn: 'arn' };
      };
      const sfn = () => ({ send });
      const regionOf = () => 'us-west-2';
      const operator = { environment: plan, regionOf, stateMachineArn: regionOf, sfn, print: () => {} } as unknown as Operator;
      const options = { to: 'recovery', dryRun: false, watch: false } as const;
      await expect(move(operator, 'failover', [], options)).rejects.toThrow(refusal);
      await expect(move(operator, 'switchover', all, options)).rejects.toThrow(UsageError);
      expect(started).toEqual([]);
      await move(operator, 'failover', all.slice(1), options);
      expect(started).toEqual(['run']);
    });
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
