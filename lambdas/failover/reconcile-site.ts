import { z } from 'zod';
import { messageOf } from '../kit/errors.ts';
import { claimIsLive, type Lease } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import { LostRowsSearches } from '../kit/lost-rows.ts';
import { metricWriter, type PutMetrics } from '../kit/metrics.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { computeOf, countFor } from '../resources/compute.ts';
import { type DatabaseAdapter, databasesOf } from '../resources/database.ts';
import { executionProbe, type HasEnded } from '../resources/state-machine.ts';
import { isDead } from './dead-claim.ts';
import { settleFences, type Unsettled } from './settle-fences.ts';

/** The function's timeout is 60 s; a pass may take some seconds itself. */
const LONGEST_MS = 45_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 8_000;
const SETTLED = 'replicating';

type Services = {
  hasEnded: HasEnded;
  tell: Tell;
  put: PutMetrics;
  databasesFor: (name: string) => DatabaseAdapter[];
  computeFor: (name: string) => ReturnType<typeof computeOf>;
};

/**
 * First fences what a move has asked for here. Then makes this site a good standby for every workload that another site holds: the old writer fenced and set aside, a replica in its
 * place, compute at the standby's count. A claim that a dead run of this site left is dropped. It acts only after a move is complete, in its own region, one small step at a time; what is
 * left at the end of a call goes on with the next minute's.
 */
export const reconcileSite = defineStep({
  name: 'reconcile-site',
  input: z.unknown(),
  throws: [],
  build: ({ plan, now, sleep, site, ledger }): Services => {
    // Kept from pass to pass: an adapter knows since when SQL has failed.
    const databases = new Map(plan.workloads.map((workload) => [workload.name, databasesOf(workload, { plan, now, sleep, ledger }, site)]));
    return {
      hasEnded: executionProbe(required('LIFEBOAT_MACHINE_ARN')),
      tell: notifier(),
      put: metricWriter(plan.name),
      databasesFor: (name) => databases.get(name) ?? [],
      computeFor: (name) => computeOf(workloadOf(plan, name)),
    };
  },
  run: async (_, services) => {
    const { now, sleep, plan } = services;
    const until = now() + LONGEST_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
      const states = Object.fromEntries(await Promise.all(plan.workloads.map(async ({ name }) => [name, await reconcile(name, services)])));
      const settled = Object.values(states).every((state) => state === SETTLED);
      if (settled || now() + pause > until) return { settled, states };
      await sleep(pause);
    }
  },
});
export const handler = reconcileSite.handler;

const reconcile = async (name: string, services: Base & Services): Promise<string> => {
  try {
    const lease = await services.ledger.lease(name);
    if (!lease) return SETTLED;
    const unsettled = await keepFences(lease, services);
    await dropDeadClaim(lease, services);
    const states = unsettled.map(({ database, because }) => `fence of '${database}' pending: ${because}`);
    if (isStandbyAfterMove(lease, services)) states.push(...(await rebuildAll(name, lease, unsettled, services)));
    return firstUnsettled(states);
  } catch (error) {
    log('reconcile-failed', { workload: name, error: messageOf(error) });
    return messageOf(error);
  }
};

/** First of all: what a move has asked for here while nobody answered. What is pending elsewhere is said each minute, by the site that serves. */
const keepFences = async (lease: Lease, services: Base & Services): Promise<Unsettled[]> => {
  const { site, put } = services;
  const { elsewhere, unsettled } = await settleFences(lease, services);
  if (elsewhere > 0 && lease.holder === site)
    await put([{ name: 'pending_fences', value: elsewhere, workload: lease.workload, unit: 'Count' }]);
  return unsettled;
};

/** All but those whose old writer is not fenced yet; one of them holds up no other. */
const rebuildAll = async (name: string, lease: Lease, unsettled: Unsettled[], services: Base & Services): Promise<string[]> => {
  await standDown(name, lease, services);
  const free = services.databasesFor(name).filter((database) => !unsettled.some((each) => each.database === database.name));
  const states = await Promise.all(free.map((database) => database.rebuild(lease.epoch, keepFor(name, database, lease, services))));
  const state = firstUnsettled(states);
  if (state !== SETTLED) log('rebuilding-standby', { workload: name, epoch: lease.epoch, state });
  return states;
};

const firstUnsettled = (states: string[]): string => states.find((each) => each !== SETTLED) ?? SETTLED;

/** A former writer is searched for rows that exist nowhere else as soon as it is set aside. */
const keepFor =
  (workload: string, database: DatabaseAdapter, { epoch }: Lease, { ledger, site, now }: Base) =>
  (instance: string): Promise<unknown> =>
    new LostRowsSearches(ledger).queue({
      workload,
      database: database.name,
      site,
      epoch,
      instance,
      queuedAt: new Date(now()).toISOString(),
    });

/** A run that was stopped before it could abort has left its claim, for which the holder has let go: without it the holder takes back. */
const dropDeadClaim = async (lease: Lease, { site, ledger, now, hasEnded }: Base & Services): Promise<void> => {
  const { claim, workload } = lease;
  if (!claim || !claimIsLive(lease, now()) || !(await isDead(claim, site, hasEnded))) return;
  const dropped = await ledger.dropClaim(workload, claim.execution);
  log('dead-claim-dropped', { workload, incident: claim.incident, execution: claim.execution, dropped });
};

/** Only after a move that is complete (traffic is where the lease is) and while no run is under way. A site that never lost a lease is left alone. */
const isStandbyAfterMove = (lease: Lease, { site, now }: Base): boolean =>
  lease.holder !== site && lease.serving === lease.holder && lease.movedAt !== undefined && !claimIsLive(lease, now());

const standDown = async (name: string, lease: Lease, { site, computeFor }: Base & Services): Promise<void> => {
  const scale = async ({
    adapter,
    config,
  }: {
    adapter: ReturnType<typeof computeOf>[number]['adapter'];
    config: Environment['workloads'][number]['compute'][number];
  }) => {
    const wanted = countFor(config, site, lease.holder);
    if ((await adapter.read()).desired > wanted) await adapter.scale(wanted);
  };
  await Promise.all(computeFor(name).map(scale));
};
