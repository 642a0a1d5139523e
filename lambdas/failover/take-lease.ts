import { localCalls } from '../kit/clients.ts';
import { ClockWatch, settleClock } from '../kit/clock.ts';
import { ClockSkewed, LeaseLost, NotReady } from '../kit/errors.ts';
import { decideTake } from '../kit/lease.ts';
import { type Pledge, Pledges, pledgeHasEnded } from '../kit/pledges.ts';
import { type Base, defineStep, workloadRun } from '../kit/step.ts';

interface Services {
  pledges: Pick<Pledges, 'suspend' | 'close' | 'read'>;
  /** Knows how wrong this host's clock is, from the pledges' answers. */
  clock: ClockWatch;
}

/**
 * Takes the lease under the next epoch, once the holder has released it or its time plus the clock bound has passed. Nothing is
 * promoted before this has succeeded. This site's pledge not to take, by which the holder may write on while the ledger is silent, is
 * suspended before and closed after the take, and the step ends well only when none lives: a pledge that slipped in between delays the
 * promotion, never overlaps with it. The incident learns which epoch was replaced in the end: the holder may have taken its lease anew
 * since it was opened.
 * @throws NotReady until then, LeaseLost when the claim is gone or another's, ClockSkewed before the take when this host's clock is wrong.
 */
export const takeLease = defineStep({
  name: 'take-lease',
  input: workloadRun,
  throws: [NotReady, LeaseLost, ClockSkewed],
  build: ({ region }): Services => {
    const clock = new ClockWatch();
    return { clock, pledges: new Pledges(region, { limits: localCalls, clock }) };
  },
  run: async ({ workload, request }, services) => {
    const { plan, site, ledger, incidents, pledges, now } = services;
    const lease = await ledger.lease(workload);
    if (!lease) throw new LeaseLost(`workload '${workload}' has no lease any more`);
    if (request.dryRun) return { would: `take the lease at epoch ${lease.epoch + 1} when it is released or expired`, epoch: lease.epoch };
    const who = { site, incident: request.incident, now: now(), maxClockSkewMs: plan.lease.maxClockSkewSeconds * 1000 };
    const ttlMs = plan.lease.ttlSeconds * 1000;
    const noteTake = (takenEpoch: number) => incidents.note(request.incident, workload, { epoch: takenEpoch - 1, takenEpoch });
    const suspend = () => pledges.suspend(workload, who.now + ttlMs + who.maxClockSkewMs);
    switch (decideTake(lease, who)) {
      case 'held':
        requireEnded(await pledges.close(workload, lease.epoch - 1), services);
        // One that took it before keeps what it noted then: the lease may have moved since, and come back.
        if ((await incidents.find(request.incident, workload))?.takenEpoch === undefined) await noteTake(lease.epoch);
        return { epoch: lease.epoch };
      case 'lost':
        throw new LeaseLost(`the claim on '${workload}' is no longer ours`);
      case 'wait':
        await suspend(); // what was pledged runs out beside the lease
        throw new NotReady(
          `site '${lease.holder}' may write for ${Math.ceil((lease.expiresAt + who.maxClockSkewMs - who.now) / 1000)} s more`,
        );
      case 'take':
        requireEnded(await suspend(), services);
        await requireGoodClock(workload, services);
        // A try that lost a race, or whose answer was lost, reads the lease again and finds `held` or `lost`.
        if (!(await ledger.take(lease, { ...who, ttlMs }))) throw new NotReady('the lease changed at this moment');
        requireEnded(await pledges.close(workload, lease.epoch), services);
        await noteTake(lease.epoch + 1);
        return { epoch: lease.epoch + 1 };
    }
  },
});

/** The wait for the holder's time is by this clock. One that nobody could judge, since answers take too long, refuses nothing. */
const requireGoodClock = async (workload: string, { plan, clock, pledges, sleep, now }: Base & Services): Promise<void> => {
  const maxClockSkewMs = plan.lease.maxClockSkewSeconds * 1000;
  if ((await settleClock(clock, maxClockSkewMs, () => pledges.read(workload), { sleep, now })) !== 'over') return;
  const { lowMs, highMs } = clock.error!;
  throw new ClockSkewed(`this clock is wrong by ${lowMs} to ${highMs} ms; half of maxClockSkewSeconds is ${maxClockSkewMs / 2} ms`);
};

const requireEnded = (pledge: Pledge, { plan, now }: Base): void => {
  const maxClockSkewMs = plan.lease.maxClockSkewSeconds * 1000;
  if (pledgeHasEnded(pledge, now(), maxClockSkewMs)) return;
  const seconds = Math.ceil((pledge.until! + maxClockSkewMs - now()) / 1000);
  throw new NotReady(`site '${pledge.site}' has our pledge and may write for ${seconds} s more`);
};
export const handler = takeLease.handler;
