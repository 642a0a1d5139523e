import { IncidentInProgress, InvalidRequest, NotReady } from '../kit/errors.ts';
import type { Incident } from '../kit/incidents.ts';
import { claimIsLive, type Lease } from '../kit/lease.ts';
import { otherSite, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, type WorkloadRun, workloadRun } from '../kit/step.ts';
import { claimSeconds } from './bounds.ts';

/**
 * Claims the workload for this run and opens its incident. The same run may claim again: that is how a dead run is resumed under
 * its own name; a run under another name may take over once the claim has expired.
 * @throws IncidentInProgress while another run's claim lives, NotReady until the workloads it depends on are up.
 */
export const openIncident = defineStep({
  name: 'open-incident',
  input: workloadRun,
  throws: [IncidentInProgress, NotReady],
  build: () => ({}),
  run: async (input, services) => {
    const { plan, site, ledger, incidents, now } = services;
    const { workload: name, request } = input;
    const workload = workloadOf(plan, name);
    const lease = await ledger.lease(name);
    if (!lease) throw new InvalidRequest(`workload '${name}' has no lease: its home site never held it; nothing to move`);
    // Taken by an earlier run that died before traffic moved: go on from there.
    const resumes = lease.holder === site && lease.serving !== site;
    if (lease.holder === site && !resumes)
      throw new InvalidRequest(`workload '${name}' is active in site '${site}' already; start the machine of the other site`);
    if (claimIsLive(lease, now()) && lease.claim!.incident !== request.incident)
      throw new IncidentInProgress(`run ${lease.claim!.incident} works on '${name}'`);
    await Promise.all(workload.dependsOn.map((dependency) => requireUp(dependency, services)));

    const incident = incidentOf(input, lease, services);
    if (request.dryRun) return { would: `claim '${name}' at epoch ${lease.epoch}`, from: incident.from, epoch: lease.epoch, resumes };
    const claim = { site, incident: request.incident, mode: request.mode, expiresAt: now() + claimSeconds(plan, workload) * 1000 };
    if (!(await ledger.claim(lease, claim, now()))) throw new IncidentInProgress(`another run claimed '${name}' at the same moment`);
    await incidents.open(incident);
    return { from: incident.from, epoch: lease.epoch, resumes };
  },
});
export const handler = openIncident.handler;

const requireUp = async (dependency: string, { ledger, now }: Base): Promise<void> => {
  const lease = await ledger.lease(dependency);
  const up = lease && lease.serving === lease.holder && !lease.released && lease.expiresAt > now();
  if (!up) throw new NotReady(`depends on '${dependency}', which is not up`);
};

const incidentOf = ({ workload, request }: WorkloadRun, lease: Lease, { site, now }: Base): Incident => ({
  incident: request.incident,
  workload,
  mode: request.mode,
  trigger: request.trigger,
  reason: request.reason,
  from: lease.holder === site ? otherSite(site) : lease.holder,
  to: site,
  epoch: lease.epoch,
  openedAt: new Date(now()).toISOString(),
  outcome: 'running',
});
