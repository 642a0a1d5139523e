import { z } from 'zod';
import { messageOf } from '../kit/errors.ts';
import { claimIsLive } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { type Instance, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { executionProbe, type HasEnded } from '../resources/state-machine.ts';
import { isKeptLongEnough } from './kept-long-enough.ts';
import { replacedPrefix } from './restoring.ts';

type Services = Base & { hasEnded: HasEnded; instances: RdsInstances; snapshots: RdsSnapshots; tell: Tell };

/**
 * The janitor of restores. A claim of a run that died before it replaced anything is dropped, so that the guard opens the old database
 * again; one past that stays, for its own incident alone. What was replaced goes, snapshot and instance, once its days are over by its
 * incident and by its tags, unless it is under hold.
 * @throws after all were tried, naming those that could not be removed.
 */
export const sweepRestores = defineStep({
  name: 'sweep-restores',
  input: z.strictObject({}),
  throws: [],
  build: ({ plan, region }) => ({
    hasEnded: executionProbe(required('LIFEBOAT_MACHINE_ARN')),
    instances: new RdsInstances(),
    snapshots: new RdsSnapshots(region, plan.name),
    tell: notifier(),
  }),
  run: async (_, services) => {
    const claims = await eachOf(services.plan.workloads, ({ name }) => dropDeadClaim(name, services));
    const failures: string[] = [];
    const attempt = attempts(failures);
    const instances = await attempt('instances', () => removeReplaced(services, attempt));
    const snapshots = await attempt('snapshots', () => removeSnapshots(services, attempt));
    if (failures.length > 0) throw new Error(`not everything could be removed: ${failures.join('; ')}`);
    return { claims: claims.filter((claim) => claim !== undefined), instances, snapshots };
  },
});
export const handler = sweepRestores.handler;

const dropDeadClaim = async (workload: string, { ledger, site, now, hasEnded, tell }: Services): Promise<string | undefined> => {
  try {
    const lease = await ledger.lease(workload);
    const claim = lease?.claim;
    if (!lease || !claim || claim.mode !== 'restore' || claim.site !== site || claim.committed || !claimIsLive(lease, now()))
      return undefined;
    if ((await hasEnded(claim.execution)) !== true || !(await ledger.dropClaim(workload, claim.execution))) return undefined;
    await tell(`${workload}: a restore died, the old database serves on`, { workload, incident: claim.incident });
    return claim.incident;
  } catch (error) {
    log('claim-not-swept', { workload, error: messageOf(error) });
    return undefined;
  }
};

type Attempt = <T>(what: string, work: () => Promise<T>) => Promise<T | undefined>;

/** One that fails stops no other. */
const attempts =
  (failures: string[]): Attempt =>
  async (what, work) => {
    try {
      return await work();
    } catch (error) {
      failures.push(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  };

const removeReplaced = async (services: Services, attempt: Attempt): Promise<Record<string, string>> => {
  const { plan, site, instances, tell } = services;
  const prefixes = plan.workloads.flatMap(({ databases }) => databases.map((database) => replacedPrefix(database.instances[site])));
  const ours = [...(await instances.list()).values()].filter(
    ({ id, tags }) => prefixes.some((prefix) => id.startsWith(prefix)) && tags[OWNER_TAG] === plan.name,
  );
  const over = await keptLongEnough(ours, services, attempt);
  const swept: Record<string, string> = {};
  for (const instance of over) swept[instance.id] = (await attempt(instance.id, () => removeOne(instance, instances))) ?? 'failed';
  const asked = Object.keys(swept).filter((id) => swept[id] === 'asked');
  if (asked.length > 0) await tell(`${asked.length} databases that restores had replaced are removed`, { instances: asked });
  return swept;
};

/** It came with its deletion protection, as everything that is restored or set aside keeps its settings. */
const removeOne = async ({ id, status, settings }: Instance, instances: RdsInstances): Promise<string> => {
  if (status !== 'available') return status;
  if (!settings.DeletionProtection) return instances.remove(id);
  return instances.modify(id, { DeletionProtection: false }).then(
    () => 'unprotected',
    (error: unknown) => messageOf(error),
  );
};

const removeSnapshots = async (services: Services, attempt: Attempt): Promise<string[]> => {
  const { snapshots, tell } = services;
  const made = [...(await snapshots.list()).values()].filter(({ status }) => status !== 'creating');
  const over = await keptLongEnough(made, services, attempt);
  const gone: string[] = [];
  for (const { id } of over) {
    await attempt(id, async () => {
      await snapshots.remove(id);
      gone.push(id);
    });
  }
  if (gone.length > 0) await tell(`${gone.length} snapshots of databases that restores had replaced are removed`, { snapshots: gone });
  return gone;
};

const keptLongEnough = async <T extends { id: string; tags: Record<string, string> }>(
  kept: readonly T[],
  services: Services,
  attempt: Attempt,
): Promise<T[]> => {
  const over = await eachOf(kept, (each) => attempt(each.id, () => isKeptLongEnough(each, services)));
  return kept.filter((_, i) => over[i]);
};

const eachOf = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
};
