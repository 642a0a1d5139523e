import { z } from 'zod';
import { CopyUnusable, LeaseLost, NotReady } from '../kit/errors.ts';
import { type CheckResult, checkResult } from '../kit/recovery-points.ts';
import { type Base, defineStep } from '../kit/step.ts';
import { Postgres, type PostgresOptions } from '../resources/postgres.ts';
import { closeLease } from '../resources/postgres-lease.ts';
import { fenceRoles } from '../resources/postgres-writer.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { findRestored, incidentOf, type RestoreIncident, requireClaim } from './replacement.ts';
import { type RestoreRun, restoredDatabase, restoreRun } from './restoring.ts';
import type { WroteOn } from './stop-writes.ts';

/** What `inspect-restored` found. */
export const inspected = z.object({
  reachesTo: z.string().nullish(),
  checks: z.array(checkResult).default([]),
  settings: z.array(z.string()).default([]),
});
type Inspected = z.infer<typeof inspected>;

/**
 * The last door before anything is replaced. What did not pass its checks, or is not as the old instance was, goes no further. What did
 * has the logins and the database lease of the moment that it shows: both are closed under the present epoch, so that under the old
 * one's endpoint nobody writes to it until the site's guard opens it under a later epoch.
 * @throws CopyUnusable for one that is not good, NotReady until it answers, LeaseLost when the workload is no longer ours.
 */
export const closeCopy = defineStep({
  name: 'close-copy',
  input: restoreRun.extend({ inspected }),
  throws: [CopyUnusable, NotReady, LeaseLost],
  build: () => ({ instances: new RdsInstances(), connect: (options: PostgresOptions) => new Postgres(options) }),
  run: async ({ inspected: found, ...run }, services) => {
    const { plan, incidents, instances, connect, sleep } = services;
    const { workload, request } = run;
    if (request.dryRun) return { would: 'close it for the workload until the guard opens it' };
    requireGood(found, request.acceptUnknown);
    const { lease } = await requireClaim(run, services);
    const { restored } = findRestored(await instances.list(), services, run);
    if (!restored?.host) throw new NotReady('the restored instance has no endpoint at this moment');
    const { port, databaseName, secret, tls, applicationRoles } = restoredDatabase(plan, workload, request);
    await connect({ host: async () => restored.host!, port, databaseName, secret, tls }).with((client) =>
      fenceRoles(client, applicationRoles, sleep, async () => {
        if ((await closeLease(client, lease.epoch)) === 'later epoch')
          throw new LeaseLost(`${restored.id} knows a later epoch than the lease's ${lease.epoch}`);
      }),
    );
    await noteLoss(run, found, services);
    await incidents.note(request.incident, workload, { closedEpoch: lease.epoch });
    return { closedEpoch: lease.epoch };
  },
});
export const handler = closeCopy.handler;

/** What is not good, in words. */
export const problemsOf = ({ checks, settings }: Inspected, acceptUnknown: boolean): string[] => {
  const bad = (verdict: CheckResult['verdict']) =>
    checks.filter((check) => check.verdict === verdict).map(({ check, detail }) => `${check}: ${detail ?? verdict}`);
  const problems = [...bad('failed'), ...(acceptUnknown ? [] : [...bad('unknown'), ...settings.map((name) => `setting ${name} differs`)])];
  if (checks.length === 0) problems.push('nothing was checked');
  return problems;
};

/** @throws CopyUnusable naming what is not good. */
export const requireGood = (found: Inspected, acceptUnknown: boolean): void => {
  const problems = problemsOf(found, acceptUnknown);
  if (problems.length === 0) return;
  throw new CopyUnusable(`what was restored is not put in place: ${problems.slice(0, 5).join('; ')}`);
};

/** What is lost runs from what the copy reaches to, to the last moment at which the old database is known to have been written. */
const noteLoss = async (run: RestoreRun, { reachesTo }: Inspected, services: Base): Promise<void> => {
  const { plan, incidents } = services;
  const { writesStoppedAt, heartbeatAt, wroteOnUntil }: RestoreIncident & WroteOn = await incidentOf(run, services);
  if (!reachesTo || !writesStoppedAt) return;
  const silentMs = Date.parse(writesStoppedAt) - Date.parse(heartbeatAt ?? writesStoppedAt);
  const died = silentMs > (plan.lease.ttlSeconds + plan.lease.renewEverySeconds) * 1000;
  const knownAt = Date.parse(died ? heartbeatAt! : writesStoppedAt);
  // While the ledger is silent no heartbeat reaches it, and the database is written all the same.
  const lastWriteAt = Math.max(knownAt, wroteOnUntil ? Date.parse(wroteOnUntil) : 0);
  const seconds = Math.max(0, Math.round(lastWriteAt - Date.parse(reachesTo)) / 1000);
  await incidents.note(run.request.incident, run.workload, { lag: { kind: 'known', seconds } });
};
