import { IncidentInProgress, InvalidRequest, NotReady } from '../kit/errors.ts';
import type { Incident } from '../kit/incidents.ts';
import { claimIsLive, givesWay, type Lease } from '../kit/lease.ts';
import { otherSite, type SiteName, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, required, type WorkloadRun, workloadRun } from '../kit/step.ts';
import { executionProbe } from '../resources/state-machine.ts';
import { claimSeconds } from './bounds.ts';
import { isDead } from './dead-claim.ts';

/**
 * Claims the workload for this run and opens its incident, or goes on with one whose run ended half-way. The same execution may claim
 * again. Another one's claim is taken over once it has expired, or at once where that execution has ended: a run that was stopped
 * blocks nobody. A state that cannot be read keeps the claim. A planned move that has not begun gives way to a failover. A failover that
 * has its claim leaves word of itself, whoever started it: what becomes of it is a decision on this outage.
 * @throws IncidentInProgress while another run's claim lives, NotReady until the workloads it depends on are up.
 */
export const openIncident = defineStep({
  name: 'open-incident',
  input: workloadRun,
  throws: [IncidentInProgress, NotReady],
  build: () => ({ hasEnded: executionProbe(required('LIFEBOAT_MACHINE_ARN')) }),
  run: async (input, services) => {
    const { plan, site, ledger, incidents, now, hasEnded } = services;
    const { workload: name, request } = input;
    const workload = workloadOf(plan, name);
    const lease = await ledger.lease(name);
    if (!lease) throw new InvalidRequest(`workload '${name}' has no lease: its home site never held it; nothing to move`);
    const before = await incidents.find(request.incident, name);
    if (before) requireSame(before, input, lease, site);
    // Taken by an earlier run that died: go on from there. After traffic has moved only its own incident tells that something is left.
    const resumes = lease.holder === site && (lease.serving !== site || before !== undefined);
    if (lease.holder === site && !resumes)
      throw new InvalidRequest(
        `workload '${name}' is active in site '${site}' already; to go on with an interrupted run give its 'incident', to move it away start the machine of the other site`,
      );
    const other = claimIsLive(lease, now()) && lease.claim?.execution !== request.execution ? lease.claim : undefined;
    const passed = request.mode === 'failover' && givesWay(lease);
    if (other && !passed && !(await isDead(other, site, hasEnded)))
      throw new IncidentInProgress(`run ${other.incident} works on '${name}'`);
    await Promise.all(workload.dependsOn.map((dependency) => requireUp(dependency, services)));

    const incident = incidentOf(input, lease, services);
    if (request.dryRun) return { would: `claim '${name}' at epoch ${lease.epoch}`, from: incident.from, epoch: lease.epoch, resumes };
    const { execution, mode } = request;
    const claim = { site, incident: request.incident, execution, mode, expiresAt: now() + claimSeconds(plan, workload) * 1000 };
    if (!(await ledger.claim(lease, claim, now(), other?.execution)))
      throw new IncidentInProgress(`another run claimed '${name}' at the same moment`);
    if (mode === 'failover') await incidents.noteFailover(name, { incident: request.incident, execution, at: now() });
    await incidents.open(before ?? incident);
    if (before) await incidents.note(request.incident, name, { execution, outcome: 'running' });
    return { from: incident.from, epoch: lease.epoch, resumes };
  },
});
export const handler = openIncident.handler;

/**
 * An incident is gone on with by a run of its own kind, in its own site. One that has ended well there is walked through once more: the
 * run that closed it may have been stopped before all was recorded and told, and what is done already is not done again.
 */
const requireSame = (before: Incident, { request, workload }: WorkloadRun, lease: Lease, site: SiteName): void => {
  const name = `incident '${request.incident}' of '${workload}'`;
  if (before.outcome === 'recovered' && lease.holder !== site)
    throw new InvalidRequest(`incident: ${name} has ended well; leave the field out`);
  if (before.to !== site) throw new InvalidRequest(`incident: ${name} moves it to site '${before.to}'; start the machine there`);
  if (before.mode !== request.mode) throw new InvalidRequest(`mode: ${name} is a ${before.mode}`);
};

const requireUp = async (dependency: string, { ledger, now }: Base): Promise<void> => {
  const lease = await ledger.lease(dependency);
  const up = lease && lease.serving === lease.holder && !lease.released && lease.expiresAt > now();
  if (!up) throw new NotReady(`depends on '${dependency}', which is not up`);
};

const incidentOf = ({ workload, request }: WorkloadRun, lease: Lease, { site, now }: Base): Incident => ({
  incident: request.incident,
  workload,
  execution: request.execution,
  mode: request.mode,
  trigger: request.trigger,
  reason: request.reason,
  from: lease.holder === site ? otherSite(site) : lease.holder,
  to: site,
  epoch: lease.epoch,
  openedAt: new Date(now()).toISOString(),
  outcome: 'running',
});
