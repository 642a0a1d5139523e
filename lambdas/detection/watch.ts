import { randomUUID } from 'node:crypto';
import { foreignCalls, guardCalls } from '../kit/clients.ts';
import { type ClockVerdict, ClockWatch } from '../kit/clock.ts';
import { ask } from '../kit/http.ts';
import { Ledger } from '../kit/ledger.ts';
import { log } from '../kit/log.ts';
import { type Datum, metricWriter } from '../kit/metrics.ts';
import { Observations } from '../kit/observations.ts';
import { type Environment, loadPlan, otherSite, type SiteName, siteOf, type Workload } from '../kit/plan.ts';
import { Pledges } from '../kit/pledges.ts';
import { Standings } from '../kit/standing.ts';
import { required } from '../kit/step.ts';
import { databasesOf } from '../resources/database.ts';
import { activeSiteFromAfar } from './active-site.ts';
import { Guard } from './guard.ts';
import { Handover } from './handover.ts';
import { type Duty, runLoop } from './loop.ts';
import { Observer } from './observer.ts';
import { replicationWatch } from './replication-watch.ts';
import { reporter } from './reporter.ts';

/**
 * A loop ends by itself before the function's timeout of 240 s, even when no successor comes. A start comes each minute, up to a minute
 * late: this outlasts one that is lost and the next one's lateness.
 */
export const LONGEST_LOOP_MS = 230_000;
/**
 * A loop that is not settled by then leaves it to a younger one: of several that come back to a database together, the one that takes over
 * must live until its own successor is there, which may come a minute late.
 */
const LATEST_BEGIN_MS = 60_000;
/** No whole seconds: the looks walk through the second, which is what measures the clock (kit/clock.ts) to a tenth of it in 21 s. */
export const HANDOVER_CHECK_MS = 2_100;
/** A guard's round may hang on something; its deadline must not wait for that. */
const OVERDUE_CHECK_MS = 1_000;
/** Its alarm looks at whole minutes: each has a reading. */
const LAG_PERIOD_MS = 30_000;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The region's loop: one for all workloads. Observes everywhere; judges and guards in a site. Ends once its successor has begun. */
export const handler = async (): Promise<{ ended: 'successor' | 'deadline' }> => {
  const plan = loadPlan();
  const region = required('AWS_REGION');
  const clock = new ClockWatch();
  const observations = new Observations(plan, region, undefined, clock);
  const { duties, isReady } = buildWatch(plan, region, observations, clock);
  const handover = new Handover(randomUUID(), observations, isReady);
  const ended = await runLoop(duties, {
    mayEnd: () => handover.look(),
    lookEveryMs: HANDOVER_CHECK_MS,
    longestMs: LONGEST_LOOP_MS,
  });
  return { ended };
};

interface Watch {
  duties: Duty[];
  isReady: () => boolean;
}

/** May a loop that begins now take over? Once all guards have reached the ledger and their databases; the witness has none. */
export const readiness = (guards: readonly Pick<Guard, 'isSettled'>[], monotonic: () => number): (() => boolean) => {
  const began = monotonic();
  return () => monotonic() - began < LATEST_BEGIN_MS && guards.every((guard) => guard.isSettled);
};

const buildWatch = (plan: Environment, region: string, observations: Observations, clock: ClockWatch): Watch => {
  const site = siteOf(plan, region);
  const guards = new Map(site ? plan.workloads.map((workload) => [workload.name, buildGuard(plan, workload, site, clock)] as const) : []);
  const activeSite = site ? async ({ name }: { name: string }) => guards.get(name)?.lease?.holder : activeSiteFromAfar(plan);
  const maxClockSkewMs = plan.lease.maxClockSkewSeconds * 1000;
  const clockError = () => (clock.verdict(maxClockSkewMs) === 'over' ? clock.error : undefined);
  const observers = plan.workloads.map((workload) => ({
    name: workload.name,
    observer: new Observer(workload, { plan, region, site, observations, activeSite, clockError, request: ask, now: Date.now, log }),
  }));
  const report = reporter(metricWriter(plan.name), () => performance.now());

  const observeAll = async () => {
    const signals = await Promise.all(
      observers.map(async ({ name, observer }) => [
        ...metric('WorkloadDown', name, await observer.round()),
        ...metric('StandbySilent', name, await observer.standbyIsSilent()),
      ]),
    );
    const ofSite: Datum[] = [
      ...metric('LedgerSilent', undefined, anyOf([...guards.values()].map((guard) => guard.ledgerIsSilent))),
      ...metric('ClockSkew', undefined, known(clock.verdict(maxClockSkewMs))),
    ];
    if (site) await report([...signals.flat(), ...ofSite]);
  };
  const put = metricWriter(plan.name);
  const lags = site ? plan.workloads.map((workload) => buildReplicationWatch(plan, workload, site, guards.get(workload.name)!)) : [];
  const measureLags = async () => {
    const data = (await Promise.all(lags.map((measure) => measure()))).flat();
    if (data.length > 0) await put(data);
  };
  const duties: Duty[] = [{ periodMs: plan.detection.intervalSeconds * 1000, round: observeAll }];
  if (lags.length > 0) duties.push({ periodMs: LAG_PERIOD_MS, round: measureLags });
  for (const guard of guards.values()) {
    duties.push({ periodMs: plan.lease.renewEverySeconds * 1000, round: () => guard.round() });
    duties.push({ periodMs: OVERDUE_CHECK_MS, round: () => guard.closeWhenOverdue() });
  }
  return { duties, isReady: readiness([...guards.values()], () => performance.now()) };
};

/** What is not known is not reported. */
const metric = (name: string, workload: string | undefined, value: number | undefined): Datum[] =>
  value === undefined ? [] : [{ name, workload, value }];

const anyOf = (answers: readonly (boolean | undefined)[]): 0 | 1 | undefined =>
  answers.includes(true) ? 1 : answers.includes(undefined) ? undefined : 0;

const known = (verdict: ClockVerdict): 0 | 1 | undefined => (verdict === 'unknown' ? undefined : verdict === 'over' ? 1 : 0);

const buildReplicationWatch = (plan: Environment, workload: Workload, site: SiteName, guard: Guard) =>
  replicationWatch(workload, {
    plan,
    site,
    databases: databasesOf(workload, { plan, now: Date.now, sleep }, site),
    lease: () => guard.lease,
    log,
  });

const buildGuard = (plan: Environment, workload: Workload, site: SiteName, clock: ClockWatch): Guard => {
  const ledger = new Ledger(required('LIFEBOAT_LEDGER_TABLE'), { limits: guardCalls, clock });
  return new Guard(workload, {
    plan,
    site,
    ledger,
    pledges: new Pledges(plan.sites[otherSite(site)].region, { limits: foreignCalls }),
    standings: new Standings(),
    databases: databasesOf(workload, { plan, now: Date.now, sleep, ledger }, site),
    now: Date.now,
    monotonic: () => performance.now(),
    log,
  });
};
