import { workloadOf } from '../kit/plan.ts';
import type { Base } from '../kit/step.ts';
import type { RestoreIncident } from './replacement.ts';
import { beforeName, HOLD_TAG, INCIDENT_TAG, KEEP_UNTIL_TAG, replacedName, restoredDatabase } from './restoring.ts';

const DAY_MS = 86_400_000;

type Kept = { id: string; tags: Record<string, string> };
type Services = Pick<Base, 'plan' | 'site' | 'incidents' | 'now'>;

/**
 * Is an instance or a snapshot what a restore has replaced, and its time over? Tags can only keep it: whoever has no right but to tag must
 * not be able to have anything deleted. That it goes, the incident in the ledger says, by which it has its name, and when it was opened.
 */
export const isKeptLongEnough = async ({ id, tags }: Kept, services: Services): Promise<boolean> => {
  // A day that cannot be read was not written by us: only a person can tell then.
  if (HOLD_TAG in tags || !(Date.parse(tags[KEEP_UNTIL_TAG] ?? '') < services.now())) return false;
  const restores = await Promise.all(
    services.plan.workloads.map(
      ({ name }) => services.incidents.find(tags[INCIDENT_TAG] ?? '', name) as Promise<RestoreIncident | undefined>,
    ),
  );
  return restores.some((restore) => restore !== undefined && hasReplaced(restore, id, services));
};

const hasReplaced = ({ incident, workload, openedAt, request }: RestoreIncident, id: string, { plan, site, now }: Services): boolean => {
  const isThere = workloadOf(plan, workload).databases.some(({ name, backup }) => backup && name === request?.database);
  if (!isThere || request.placement !== 'inPlace') return false;
  const { instances, backup } = restoredDatabase(plan, workload, request);
  const names = [replacedName(instances[site], { incident }), beforeName(plan, { incident, database: request.database })];
  return names.includes(id) && Date.parse(openedAt) + backup!.restore.keepReplacedDays * DAY_MS < now();
};
