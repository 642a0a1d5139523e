import { IncidentInProgress, InvalidRequest } from '../kit/errors.ts';
import { type Claim, claimIsLive, type Lease } from '../kit/lease.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { executionProbe, type HasEnded } from '../resources/state-machine.ts';
import { approvedAt, givenUp, whyFinal } from './other-choice.ts';
import { HALF_WAY_MS, incidentOf, type RestoreIncident, readBefore, remembered } from './replacement.ts';
import { type RestoreRun, restoreRun } from './restoring.ts';

type Services = Base & { runSeconds: number; hasEnded: HasEnded; instances: RdsInstances };

/**
 * Claims the workload for this run, as a failover would, so that neither can begin while the other is under way; and writes down what the
 * old instance's settings are. Nobody stops writing for it yet. An incident that was handed over already goes on at the verification.
 * @throws IncidentInProgress while another run's claim lives, or another restore stands half-way.
 */
export const claimWorkload = defineStep({
  name: 'claim-workload',
  input: restoreRun,
  throws: [IncidentInProgress],
  build: () => ({
    runSeconds: Number(required('LIFEBOAT_RUN_SECONDS')),
    hasEnded: executionProbe(required('LIFEBOAT_MACHINE_ARN')),
    instances: new RdsInstances(),
  }),
  run: async (input, services) => {
    const { site, ledger, incidents, instances, now, runSeconds } = services;
    const { workload, request } = input;
    const lease = await ledger.lease(workload);
    if (!lease) throw new InvalidRequest(`workload: '${workload}' has no lease: its home site never held it`);
    if (lease.holder !== site)
      throw new InvalidRequest(`placement: '${workload}' is active in site '${lease.holder}'; start the machine there, or restore beside`);
    const before = (await incidents.find(request.incident, workload)) as RestoreIncident | undefined;
    if (before?.outcome === 'recovered') throw new InvalidRequest(`incident: '${request.incident}' has ended well; leave the field out`);
    if (before?.handedOverAt) return { resumesAt: 'verification' as const, epoch: lease.epoch };
    const isolated = before !== undefined && request.placement === 'cleanRoom';
    // A person has approved it, and it stands in the workload's network: the clean room is over.
    const resumesAt = isolated && before.committedAt ? ('cut over' as const) : ('start' as const);
    const ended = await requireFree(lease, input, services);
    if (request.dryRun) return { resumesAt, would: `claim '${workload}' at epoch ${lease.epoch}`, epoch: lease.epoch };
    const { execution, incident } = request;
    const committed = before?.committedAt !== undefined || isolated || undefined;
    const expiresAt = now() + (committed ? HALF_WAY_MS : runSeconds * 1000);
    const claim: Claim = { site, incident, execution, mode: 'restore', expiresAt, committed };
    if (!(await ledger.claim(lease, claim, now(), ended))) throw new IncidentInProgress(`another run claimed '${workload}' at this moment`);
    if (before) await goOn(input, services);
    else await open(input, lease, await remembered(input, services, await instances.list()), services);
    return { resumesAt, epoch: lease.epoch };
  },
});
export const handler = claimWorkload.handler;

/** The execution whose claim may be replaced, if there is one. */
const requireFree = async (
  lease: Lease,
  { workload, request }: RestoreRun,
  { now, site, hasEnded }: Services,
): Promise<string | undefined> => {
  const { claim } = lease;
  if (!claim || !claimIsLive(lease, now()) || claim.execution === request.execution) return undefined;
  if (claim.committed && claim.incident !== request.incident)
    throw new IncidentInProgress(
      `restore ${claim.incident} of '${workload}' stands half-way: go on with it, incident: '${claim.incident}'`,
    );
  const dead = claim.mode === 'restore' && claim.site === site && (await hasEnded(claim.execution)) === true;
  if (!dead) throw new IncidentInProgress(`run ${claim.incident} works on '${workload}'`);
  return claim.execution;
};

/**
 * What the incident goes on with. Asked once more under the claim, since no other run admits or commits anything from here on.
 * @throws InvalidRequest when the recovery point is another one, and it is too late for that.
 */
const goOn = async (input: RestoreRun, services: Services): Promise<void> => {
  const { workload, request } = input;
  const before = await incidentOf(input, services);
  const isOther = before.request.point.id !== request.point.id;
  const final = isOther && whyFinal(before);
  if (final) throw new InvalidRequest(`target: ${final}`);
  const { incident, execution } = request;
  const left = isOther ? await leave(before, input, services) : {};
  await services.incidents.note(incident, workload, { execution, outcome: 'running', request, approvedAt: approvedAt(before), ...left });
};

/** Another recovery point has settings of its own: those of the first may be the intruder's already. */
const leave = async (before: RestoreIncident, input: RestoreRun, services: Services): Promise<Partial<RestoreIncident>> => {
  const { host, found } = before.before;
  const settings = await readBefore(input, services, await services.instances.list());
  return { givenUp: givenUp(before, services.now()), before: { ...settings, host, found } };
};

const open = async (
  { workload, request }: RestoreRun,
  lease: Lease,
  before: RestoreIncident['before'],
  { site, incidents, now }: Base,
): Promise<void> => {
  const { incident, execution, reason } = request;
  const openedAt = new Date(now()).toISOString();
  const common = { incident, workload, execution, mode: 'restore', trigger: 'person', reason, from: site, to: site } as const;
  const heartbeatAt = lease.heartbeatAt ? new Date(lease.heartbeatAt).toISOString() : undefined;
  const whole: RestoreIncident = { ...common, epoch: lease.epoch, openedAt, outcome: 'running', request, before, heartbeatAt };
  await incidents.open(whole);
};
