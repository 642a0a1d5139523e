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
import { settleFences } from './settle-fences.ts';

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
    if (lease) await keepFences(lease, services);
    if (lease) await dropDeadClaim(lease, services);
    if (!lease || !isStandbyAfterMove(lease, services)) return SETTLED;
    await standDown(name, lease, services);
    const states = await Promise.all(
      services.databasesFor(name).map((database) => database.rebuild(lease.epoch, keepFor(name, database, lease, services))),
    );
    const state = states.find((each) => each !== SETTLED) ?? SETTLED;
    if (state !== SETTLED) log('rebuilding-standby', { workload: name, epoch: lease.epoch, state });
    return state;
  } catch (error) {
    log('reconcile-failed', { workload: name, error: messageOf(error) });
    return messageOf(error);
  }
};

/** First of all: what a move has asked for here while nobody answered. What is pending elsewhere is said each minute, by the site that serves. */
const keepFences = async (lease: Lease, services: Base & Services): Promise<void> => {
  const { site, put } = services;
  const pending = await settleFences(lease, services);
  if (pending > 0 && lease.holder === site)
    await put([{ name: 'pending_fences', value: pending, workload: lease.workload, unit: 'Count' }]);
};

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
