import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { fenceWriter } from '../../lambdas/failover/fence-writer.ts';
import { openIncident } from '../../lambdas/failover/open-incident.ts';
import { IncidentInProgress, InvalidRequest, LeaseLost, NotReady } from '../../lambdas/kit/errors.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, databaseOf, leaseOf, NOW, request } from '../kit/services.ts';

const run = (base: ReturnType<typeof baseFor>, over = {}, ended?: boolean) =>
  runStep(openIncident, { workload: 'orders', request: request(over) }, { ...base, hasEnded: async () => ended });
const claimOf = (execution: string, expiresAt: number, over = {}): Lease['claim'] => ({
  site: 'recovery',
  incident: execution,
  execution,
  mode: 'failover',
  expiresAt,
  ...over,
});

describe('open-incident', () => {
  it('claims the workload and opens the incident', async () => {
    const base = baseFor(leaseOf());
    expect(await run(base)).toEqual({ from: 'primary', epoch: 3, resumes: false });
    expect(base.memory.current?.claim?.incident).toBe('run-1');
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ from: 'primary', to: 'recovery', epoch: 3, outcome: 'running' });
  });

  it('leaves word of a failover that has its claim, whoever started it, and of no other run', async () => {
    const base = baseFor(leaseOf());
    await run(base, { trigger: 'person', execution: 'run-2' });
    expect(await base.incidents.lastFailover('orders')).toMatchObject({ incident: 'run-1', execution: 'run-2', at: NOW });
    const moved = baseFor(leaseOf());
    await run(moved, { mode: 'switchover' });
    expect(await moved.incidents.lastFailover('orders')).toBeUndefined();
    const refused = baseFor(leaseOf({ claim: claimOf('other', NOW + 1000) }));
    await expect(run(refused)).rejects.toBeInstanceOf(IncidentInProgress);
    expect(await refused.incidents.lastFailover('orders')).toBeUndefined();
  });

  it('claims again under the same name, and takes over a claim that has expired', async () => {
    await expect(run(baseFor(leaseOf({ claim: claimOf('run-1', NOW + 1000) })))).resolves.toBeDefined();
    await expect(run(baseFor(leaseOf({ claim: claimOf('other', NOW - 1) })))).resolves.toBeDefined();
  });

  it("refuses while another run's claim lives", async () => {
    await expect(run(baseFor(leaseOf({ claim: claimOf('other', NOW + 1000) })))).rejects.toBeInstanceOf(IncidentInProgress);
  });

  it('a failover takes over from a planned move that has not begun, whose next step then ends it; nothing else does', async () => {
    const planned = (over = {}, lease: Partial<Lease> = {}) =>
      baseFor(leaseOf({ claim: claimOf('other', NOW + 1000, { mode: 'switchover', ...over }), ...lease }));
    const base = planned();
    await run(base, {}, false);
    expect(base.memory.current?.claim).toMatchObject({ execution: 'run-1', mode: 'failover' });
    const databasesFor = () => [databaseOf()];
    const displaced = { workload: 'orders', request: request({ incident: 'other', execution: 'other', mode: 'switchover' }) };
    await expect(runStep(fenceWriter, displaced, { ...base, databasesFor })).rejects.toBeInstanceOf(LeaseLost);
    await expect(run(planned({ acting: true }), {}, false)).rejects.toBeInstanceOf(IncidentInProgress);
    await expect(run(planned(), { mode: 'switchover' }, false)).rejects.toBeInstanceOf(IncidentInProgress);
    // It began between this run's look and its claim.
    const raced = planned();
    const { ledger, memory } = raced;
    const seen = structuredClone(memory.current);
    memory.current = { ...seen!, claim: { ...seen!.claim!, acting: true } };
    await expect(
      run({ ...raced, ledger: Object.assign(Object.create(ledger), { lease: async () => seen }) }, {}, false),
    ).rejects.toBeInstanceOf(IncidentInProgress);
    // Past its take it is the one that has the workload.
    const taken = planned({ site: 'primary' });
    await expect(run(taken, {}, false)).rejects.toBeInstanceOf(IncidentInProgress);
  });

  it('takes over at once from a run of its own site that has ended, and from no run of which that is not known', async () => {
    const live = leaseOf({ claim: claimOf('other', NOW + 1000) });
    const base = baseFor(live);
    await expect(run(base, {}, true)).resolves.toBeDefined();
    expect(base.memory.current?.claim?.execution).toBe('run-1');
    await expect(run(baseFor(live), {}, false)).rejects.toBeInstanceOf(IncidentInProgress);
    await expect(run(baseFor(live), {}, undefined)).rejects.toBeInstanceOf(IncidentInProgress);
    const foreign = leaseOf({ claim: claimOf('other', NOW + 1000, { site: 'primary' }) });
    await expect(run(baseFor(foreign), {}, true)).rejects.toBeInstanceOf(IncidentInProgress);
  });

  it('goes on with an interrupted incident under its name, by another execution, also after traffic has moved', async () => {
    const taken = leaseOf({ holder: 'recovery', serving: 'recovery', claim: claimOf('run-1', NOW + 1000) });
    const base = baseFor(taken);
    const opened = {
      ...request(),
      workload: 'orders',
      from: 'primary',
      to: 'recovery',
      epoch: 2,
      openedAt: '',
      outcome: 'running',
    } as const;
    await base.incidents.open(opened);
    const again = { execution: 'run-2', incident: 'run-1' };
    await expect(run(base, again, false)).rejects.toBeInstanceOf(IncidentInProgress);
    expect(await run(base, again, true)).toMatchObject({ resumes: true });
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ execution: 'run-2', outcome: 'running' });
    await expect(run(base, { ...again, mode: 'switchover' }, true)).rejects.toThrow(/mode: incident 'run-1'/);
  });

  it('walks once more through an incident that has ended well here, since its end may not have been told, but not elsewhere', async () => {
    const base = baseFor(leaseOf({ holder: 'recovery', serving: 'recovery' }));
    await base.incidents.open({
      ...request(),
      workload: 'orders',
      from: 'primary',
      to: 'recovery',
      epoch: 2,
      openedAt: '',
      outcome: 'recovered',
    });
    expect(await run(base, { execution: 'run-2' })).toMatchObject({ resumes: true });
    await base.incidents.note('run-1', 'orders', { outcome: 'recovered' });
    base.memory.current = leaseOf({ holder: 'primary', epoch: 5 });
    await expect(run(base, { execution: 'run-3' })).rejects.toThrow(/has ended well/);
  });

  it('goes on with a run that died after the take, and refuses to move a workload to where it is', async () => {
    expect(await run(baseFor(leaseOf({ holder: 'recovery', serving: 'primary' })))).toMatchObject({ resumes: true, from: 'primary' });
    await expect(run(baseFor(leaseOf({ holder: 'recovery', serving: 'recovery' })))).rejects.toBeInstanceOf(InvalidRequest);
    await expect(run(baseFor())).rejects.toBeInstanceOf(InvalidRequest);
  });

  it('waits for the workloads it depends on', async () => {
    const [orders] = demo.workloads;
    const plan = { ...demo, workloads: [{ ...orders!, dependsOn: ['orders'] }] };
    const up = leaseOf({ expiresAt: NOW + 10_000 });
    await expect(run(baseFor(up, { plan }))).resolves.toBeDefined();
    await expect(run(baseFor({ ...up, expiresAt: NOW - 1 }, { plan }))).rejects.toBeInstanceOf(NotReady);
  });

  it('writes nothing in a dry run', async () => {
    const base = baseFor(leaseOf());
    expect(await run(base, { dryRun: true })).toHaveProperty('would');
    expect(base.memory.writes).toEqual([]);
  });
});
