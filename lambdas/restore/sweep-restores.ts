import { z } from 'zod';
import { messageOf } from '../kit/errors.ts';
import { claimIsLive } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { type Instance, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG, RdsSnapshots } from '../resources/rds-snapshots.ts';
import { executionProbe, type HasEnded } from '../resources/state-machine.ts';
import { HOLD_TAG, KEEP_UNTIL_TAG, replacedPrefix } from './restoring.ts';

type Services = Base & { hasEnded: HasEnded; instances: RdsInstances; snapshots: RdsSnapshots; tell: Tell };

/**
 * The janitor of restores. A claim of a run that died before it replaced anything is dropped, so that the guard opens the old database
 * again; one past that stays, for its own incident alone. What was replaced goes, snapshot and instance, once the day in its tags is over,
 * unless it is under hold.
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

const removeReplaced = async ({ plan, site, instances, tell, now }: Services, attempt: Attempt): Promise<Record<string, string>> => {
  const prefixes = plan.workloads.flatMap(({ databases }) => databases.map((database) => replacedPrefix(database.instances[site])));
  const over = [...(await instances.list()).values()].filter(
    ({ id, tags }) => prefixes.some((prefix) => id.startsWith(prefix)) && tags[OWNER_TAG] === plan.name && isOver(tags, now()),
  );
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

const removeSnapshots = async ({ snapshots, tell, now }: Services, attempt: Attempt): Promise<string[]> => {
  const over = [...(await snapshots.list()).values()].filter(({ status, tags }) => status !== 'creating' && isOver(tags, now()));
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

/** A day that cannot be read was not written by us: only a person can tell then. */
const isOver = (tags: Record<string, string>, now: number): boolean => !(HOLD_TAG in tags) && Date.parse(tags[KEEP_UNTIL_TAG] ?? '') < now;

const eachOf = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
};
