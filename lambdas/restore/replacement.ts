import { LeaseLost, NotReady } from '../kit/errors.ts';
import type { Incident } from '../kit/incidents.ts';
import { type Claim, claimIsLive, type Lease } from '../kit/lease.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import type { Base } from '../kit/step.ts';
import type { Instance } from '../resources/rds-instances.ts';
import { differences, ownTags, type Settings } from '../resources/rds-settings.ts';
import type { GivenUp } from './other-choice.ts';
import { type RestoreRequest, type RestoreRun, restoredDatabase, restoredName } from './restoring.ts';

/** A restore that stands half-way waits so long for a person: nobody opens anything, and no failover begins. */
export const HALF_WAY_MS = 24 * 3_600_000;

/** What a restore must give back, and how that is known. */
export interface Remembered {
  settings?: Settings;
  tags: Record<string, string>;
  /** The old instance's, and whether there was one. */
  host?: string;
  found: boolean;
  /** Of a clean room: settings of the old instance that are not those that it takes. Whoever broke in may have changed them. */
  notTaken?: string[];
}

/** The incident of a restore that replaces what is there. Times are ISO 8601 UTC. */
export interface RestoreIncident extends Incident {
  request: RestoreRequest;
  before: Remembered;
  /** The last that the guard knew of the old database's writes. */
  heartbeatAt?: string;
  writesStoppedAt?: string;
  /** The epoch that the restored database refuses for good: only a later one opens it. */
  closedEpoch?: number;
  /** The key of a clean room. */
  cleanKey?: string;
  /** Recovery points that a clean room began with and left, oldest first. */
  givenUp?: GivenUp[];
  /** Of an approval that a run gone on with has asked for once more. */
  approvedAt?: string;
  /** From here on there is only forward. */
  committedAt?: string;
  handedOverAt?: string;
  verifiedAt?: string;
}

/**
 * What was remembered when the workload was claimed; else the instance that is there, or what the recovery point knows of one that is gone.
 * A clean room takes the recovery point's word first.
 */
export const remembered = async (
  { workload, request }: RestoreRun,
  { plan, site, ledger, incidents }: Base,
  known: ReadonlyMap<string, Instance>,
): Promise<Remembered> => {
  const incident = (await incidents.find(request.incident, workload)) as RestoreIncident | undefined;
  return incident?.before ?? readBefore({ workload, request }, { plan, site, ledger }, known);
};

/** The same, whatever was remembered: as the recovery point of the request, or the instance, has it now. */
export const readBefore = async (
  { workload, request }: RestoreRun,
  { plan, site, ledger }: Pick<Base, 'plan' | 'site' | 'ledger'>,
  known: ReadonlyMap<string, Instance>,
): Promise<Remembered> => {
  const identifier = restoredDatabase(plan, workload, request).instances[site];
  const live = known.get(identifier);
  const isClean = request.placement === 'cleanRoom';
  if (live && !isClean) return { settings: live.settings, tags: ownTags(live.tags), host: live.host, found: true };
  const point = request.moment === null ? await new RecoveryPoints(ledger).find(request.point) : undefined;
  // Groups are of a region: the settings of an instance in the other one would name what is not here.
  const then = point?.instance === identifier ? point : undefined;
  if (!live) return { settings: then?.settings, tags: then?.instanceTags ?? {}, found: false };
  // As it was before anybody broke in, where that is known.
  const settings = then?.settings ?? live.settings;
  const notTaken = then?.settings ? differences(then.settings, live.settings) : undefined;
  return { settings, tags: then?.instanceTags ?? ownTags(live.tags), host: live.host, found: true, notTaken };
};

export const RUN_TAG = 'lifeboat:run';

/** The restored instance, under its own name or, once it has been put there, under that of the old one. */
export const findRestored = (
  known: ReadonlyMap<string, Instance>,
  { plan, site }: Base,
  { workload, request }: RestoreRun,
): { restored?: Instance; inPlace: boolean } => {
  const current = known.get(restoredDatabase(plan, workload, request).instances[site]);
  const inPlace = current?.tags[RUN_TAG] === request.incident;
  return { restored: inPlace ? current : known.get(restoredName(plan, request)), inPlace };
};

/** The incident as it is. @throws NotReady while it cannot be read. */
export const incidentOf = async ({ workload, request }: RestoreRun, { incidents }: Base): Promise<RestoreIncident> =>
  (await incidents.get(request.incident, workload)) as RestoreIncident;

/** @throws LeaseLost when this run does not hold the workload any more. */
export const requireClaim = async ({ workload, request }: RestoreRun, { ledger, now }: Base): Promise<{ lease: Lease; claim: Claim }> => {
  const lease = await ledger.lease(workload);
  if (lease?.claim && claimIsLive(lease, now()) && lease.claim.execution === request.execution) return { lease, claim: lease.claim };
  throw new LeaseLost(`the claim on '${workload}' is no longer ours`);
};

/** Changes the claim that this run holds. @throws NotReady when somebody changed the lease at the same moment. */
export const changeClaim = async (lease: Lease, claim: Claim, { ledger, now }: Base): Promise<void> => {
  if (!(await ledger.claim(lease, claim, now()))) throw new NotReady('the lease changed at this moment');
};
