import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { openIncident } from '../../lambdas/failover/open-incident.ts';
import { IncidentInProgress, InvalidRequest, NotReady } from '../../lambdas/kit/errors.ts';
import type { Lease } from '../../lambdas/kit/lease.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, NOW, request } from '../kit/services.ts';

const run = (base: ReturnType<typeof baseFor>, over = {}) => runStep(openIncident, { workload: 'orders', request: request(over) }, base);
const claimOf = (incident: string, expiresAt: number): Lease['claim'] => ({ site: 'recovery', incident, mode: 'failover', expiresAt });

describe('open-incident', () => {
  it('claims the workload and opens the incident', async () => {
    const base = baseFor(leaseOf());
    expect(await run(base)).toEqual({ from: 'primary', epoch: 3, resumes: false });
    expect(base.memory.current?.claim?.incident).toBe('run-1');
    expect(await base.incidents.find('run-1', 'orders')).toMatchObject({ from: 'primary', to: 'recovery', epoch: 3, outcome: 'running' });
  });

  it('claims again under the same name, and takes over a claim that has expired', async () => {
    await expect(run(baseFor(leaseOf({ claim: claimOf('run-1', NOW + 1000) })))).resolves.toBeDefined();
    await expect(run(baseFor(leaseOf({ claim: claimOf('other', NOW - 1) })))).resolves.toBeDefined();
  });

  it("refuses while another run's claim lives", async () => {
    await expect(run(baseFor(leaseOf({ claim: claimOf('other', NOW + 1000) })))).rejects.toBeInstanceOf(IncidentInProgress);
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
