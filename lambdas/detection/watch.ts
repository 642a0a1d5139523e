import { randomUUID } from 'node:crypto';
import { foreignCalls, guardCalls } from '../kit/clients.ts';
import { ask } from '../kit/http.ts';
import { Ledger } from '../kit/ledger.ts';
import { log } from '../kit/log.ts';
import { type Datum, metricWriter } from '../kit/metrics.ts';
import { Observations } from '../kit/observations.ts';
import { type Environment, loadPlan, otherSite, siteOf } from '../kit/plan.ts';
import { Pledges } from '../kit/pledges.ts';
import { Standings } from '../kit/standing.ts';
import { required } from '../kit/step.ts';
import { databasesOf } from '../resources/database.ts';
import { activeSiteFromAfar } from './active-site.ts';
import { Guard } from './guard.ts';
import { Handover } from './handover.ts';
import { every } from './loop.ts';
import { Observer } from './observer.ts';
import { reporter } from './reporter.ts';

/** A loop ends by itself before the function's timeout of 180 s, even when no successor comes. */
const LONGEST_LOOP_MS = 170_000;
const HANDOVER_CHECK_MS = 2_000;
/** A guard's round may hang on something; its deadline must not wait for that. */
const OVERDUE_CHECK_MS = 1_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The region's loop: one for all workloads. Observes everywhere; judges and guards in a site. Ends once its successor has begun. */
export const handler = async (): Promise<{ ended: 'successor' | 'deadline' }> => {
  const plan = loadPlan();
  const region = required('AWS_REGION');
  const observations = new Observations(plan, region);
  const { duties, isReady } = buildWatch(plan, region, observations);
  const handover = new Handover(randomUUID(), observations, isReady);
  const stop = new AbortController();
  let ended: 'successor' | 'deadline' = 'deadline';
  // A timer of our own: a signal made of AbortSignal.timeout and AbortSignal.any may be collected before it fires (nodejs/node#57736).
  const deadline = setTimeout(() => stop.abort(), LONGEST_LOOP_MS);
  const handOver = every(HANDOVER_CHECK_MS, stop.signal, async () => {
    if (!(await handover.look())) return;
    ended = 'successor';
    stop.abort();
  });
  await Promise.all([handOver, ...duties.map(({ periodMs, round }) => every(periodMs, stop.signal, round))]);
  clearTimeout(deadline);
  return { ended };
};

interface Duty {
  periodMs: number;
  round: () => Promise<void>;
}

interface Watch {
  duties: Duty[];
  /** Have all guards reached the ledger? The witness has none. */
  isReady: () => boolean;
}

const buildWatch = (plan: Environment, region: string, observations: Observations): Watch => {
  const site = siteOf(plan, region);
  const guards = new Map(site ? plan.workloads.map((workload) => [workload.name, buildGuard(plan, workload, site)] as const) : []);
  const activeSite = site ? async ({ name }: { name: string }) => guards.get(name)?.lease?.holder : activeSiteFromAfar(plan);
  const observers = plan.workloads.map((workload) => ({
    name: workload.name,
    observer: new Observer(workload, { plan, region, site, observations, activeSite, request: ask, now: Date.now, log }),
  }));
  const report = reporter(metricWriter(plan.name), () => performance.now());

  const observeAll = async () => {
    const signals = await Promise.all(
      observers.map(async ({ name, observer }) => [
        ...metric('WorkloadDown', name, await observer.round()),
        ...metric('StandbySilent', name, await observer.standbyIsSilent()),
      ]),
    );
    if (site) await report(signals.flat());
  };
  const duties: Duty[] = [{ periodMs: plan.detection.intervalSeconds * 1000, round: observeAll }];
  for (const guard of guards.values()) {
    duties.push({ periodMs: plan.lease.renewEverySeconds * 1000, round: () => guard.round() });
    duties.push({ periodMs: OVERDUE_CHECK_MS, round: () => guard.closeWhenOverdue() });
  }
  return { duties, isReady: () => [...guards.values()].every((guard) => guard.isSettled) };
};

/** What is not known is not reported. */
const metric = (name: string, workload: string, value: number | undefined): Datum[] =>
  value === undefined ? [] : [{ name, workload, value }];

const buildGuard = (plan: Environment, workload: Environment['workloads'][number], site: NonNullable<ReturnType<typeof siteOf>>): Guard =>
  new Guard(workload, {
    plan,
    site,
    ledger: new Ledger(required('LIFEBOAT_LEDGER_TABLE'), { limits: guardCalls }),
    pledges: new Pledges(plan.sites[otherSite(site)].region, foreignCalls),
    standings: new Standings(),
    databases: databasesOf(workload, { plan, now: Date.now, sleep }, site),
    now: Date.now,
    monotonic: () => performance.now(),
    log,
  });
