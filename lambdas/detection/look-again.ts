import { z } from 'zod';
import { Approvals } from '../kit/approvals.ts';
import { messageOf } from '../kit/errors.ts';
import { claimIsLive, givesWay, type Lease } from '../kit/lease.ts';
import { log } from '../kit/log.ts';
import { type Datum, metricWriter, type PutMetrics } from '../kit/metrics.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { Observations } from '../kit/observations.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { machineStarter, type StartMachine } from '../resources/state-machine.ts';
import { freshMsFor, judge } from './judge.ts';
import { overdueOf, remind, remindersDue } from './open-run.ts';
import { begin, decide, lastAttempt } from './start-failover.ts';
import { lastRun, mayTryAgain } from './try-again.ts';

/** The alarm needs its evaluation, a start and a claim: only what it has missed by so much is looked at again. */
const ALARM_FIRST_MS = 60_000;

interface Services {
  observations: Pick<Observations, 'latest'>;
  start: StartMachine;
  tell: Tell;
  put: PutMetrics;
}

/**
 * Each minute: an outage that goes on and has no run (an alarm fires once, however long it lasts), a question that nobody answers, and a
 * run that works for longer than the RTO. One workload's fault keeps no other from being looked at.
 */
export const lookAgain = defineStep({
  name: 'look-again',
  input: z.unknown(),
  throws: [],
  build: ({ plan, region }): Services => ({
    observations: new Observations(plan, region),
    start: machineStarter(required('LIFEBOAT_MACHINE_ARN')),
    tell: notifier(),
    put: metricWriter(plan.name),
  }),
  run: async (_, services) => {
    const data: Datum[] = [];
    const look = async (name: string): Promise<readonly [string, string]> => {
      try {
        return [name, await lookAt(name, services, data)];
      } catch (error) {
        log('look-failed', { workload: name, error: messageOf(error) });
        return [name, messageOf(error)];
      }
    };
    const seen = await Promise.all(services.plan.workloads.map(({ name }) => look(name)));
    if (data.length > 0) await services.put(data);
    return Object.fromEntries(seen);
  },
});
export const handler = lookAgain.handler;

const lookAt = async (name: string, services: Base & Services, data: Datum[]): Promise<string> => {
  const lease = await services.ledger.lease(name);
  if (!lease) return 'no lease';
  if (!claimIsLive(lease, services.now())) return lookAtOutage(name, lease, services);
  const run = lease.claim!.site === services.site ? await lookAtRun(name, lease, services, data) : 'the other site works on it';
  return givesWay(lease) ? lookAtOutage(name, lease, services) : run;
};

/** People are reminded, and a run that is late is a metric. */
const lookAtRun = async (name: string, lease: Lease, services: Base & Services, data: Datum[]): Promise<string> => {
  const { plan, ledger, incidents, now } = services;
  const approvals = new Approvals(ledger, incidents);
  const { incident } = lease.claim!;
  const question = await approvals.find(incident, name);
  const answer = question && (await approvals.answerTo(incident, name, question));
  const overdue = overdueOf(plan, lease, { question, answer, now: now() });
  data.push({ name: 'RunOverdue', workload: name, value: overdue ? 1 : 0 });
  if (question && !answer && remindersDue(question, now()) > question.reminders) {
    await remind(incident, name, question, services);
    return 'reminded';
  }
  return overdue ? 'a run is overdue' : 'a run works on it';
};

const lookAtOutage = async (name: string, lease: Lease, services: Base & Services): Promise<string> => {
  const { plan, site, ledger, incidents, observations, now } = services;
  if (lease.holder === site) return 'active here';
  const { quorum, confirmationSeconds } = plan.detection;
  const words = await observations.latest(name);
  const { verdict, unhealthySince } = judge(words, { now: now(), freshMs: freshMsFor(plan.detection), quorum, target: lease.holder });
  if (verdict !== 'unhealthy' || unhealthySince === undefined) return `the workload is ${verdict}`;
  if (now() - unhealthySince < confirmationSeconds * 1000 + ALARM_FIRST_MS) return 'down, the alarm comes first';
  const decision = decide(plan, lease, site, now());
  if (!decision.start) return decision.because;
  const [started, opened] = await Promise.all([lastAttempt(ledger, name), incidents.lastFailover(name)]);
  const attempt = lastRun(started, opened, now());
  const before = attempt && (await incidents.find(attempt.incident ?? attempt.execution, name));
  const again = mayTryAgain({ attempt, before, unhealthySince, now: now() });
  if (!again.start) return again.because;
  const at = new Date(now()).toISOString();
  const execution = `${name}-e${lease.epoch}-again-${at.slice(0, 16).replace(/\D/g, '')}`;
  const reason = `down since ${new Date(unhealthySince).toISOString()} and no run: ${again.because}`;
  await begin({ workload: name, execution, reason, detectedAt: at, cooldownUntil: decision.cooldownUntil }, services);
  log('started-again', { workload: name, execution, because: again.because });
  return `started ${execution}`;
};
