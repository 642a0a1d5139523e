import { z } from 'zod';
import { claimIsLive, givesWay, type Lease } from '../kit/lease.ts';
import type { Ledger } from '../kit/ledger.ts';
import { log } from '../kit/log.ts';
import { notifier, type Tell } from '../kit/notify.ts';
import { type Environment, workloadOf } from '../kit/plan.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { machineStarter, type StartMachine } from '../resources/state-machine.ts';

/** The event of a CloudWatch alarm's Lambda action; only what is used here. AWS, CloudWatch user guide, 'Invoke a Lambda function from an alarm'. */
const alarmEvent = z.object({
  alarmData: z.object({
    alarmName: z.string(),
    state: z.object({ value: z.string(), timestamp: z.string() }),
    configuration: z.object({
      metrics: z.array(z.object({ metricStat: z.object({ metric: z.object({ dimensions: z.record(z.string(), z.string()) }) }) })).min(1),
    }),
  }),
});

interface Services {
  start: StartMachine;
  tell: Tell;
}

/** `cooldownUntil`: the run asks a person until then. */
type Decision = { start: true; cooldownUntil?: string } | { start: false; because: string };

/** Turns the alarm 'workload down' into a run, or into a message that says why not. The same alarm twice is one run, by its name. */
export const startFailover = defineStep({
  name: 'start-failover',
  input: alarmEvent,
  throws: [],
  build: (): Services => ({ start: machineStarter(required('LIFEBOAT_MACHINE_ARN')), tell: notifier() }),
  run: async ({ alarmData }, services) => {
    const { plan, site, ledger, now, tell } = services;
    const { Workload: name = '' } = alarmData.configuration.metrics[0]!.metricStat.metric.dimensions;
    workloadOf(plan, name);
    if (alarmData.state.value !== 'ALARM') return { decision: 'nothing to do', because: `the alarm is ${alarmData.state.value}` };
    const lease = await ledger.lease(name);
    const decision = decide(plan, lease, site, now());
    if (!decision.start) {
      log('not-started', { workload: name, because: decision.because });
      await tell(`${name} is down, no automatic failover`, { workload: name, because: decision.because, alarm: alarmData.alarmName });
      return { decision: 'not started', because: decision.because };
    }
    const at = new Date(alarmData.state.timestamp).toISOString();
    const execution = `${name}-e${lease!.epoch}-${at.replace(/\D/g, '')}`;
    const reason = `alarm ${alarmData.alarmName} at ${at}`;
    const answer = await begin({ workload: name, execution, reason, detectedAt: at, cooldownUntil: decision.cooldownUntil }, services);
    return { decision: answer, because: execution };
  },
});
export const handler = startFailover.handler;

/**
 * May this site start a run by itself? During the cool-down after a move it may start one that asks a person: two sites that take a
 * workload from each other again and again help nobody, and an outage that is real must still find its way.
 */
export const decide = (plan: Environment, lease: Lease | undefined, site: string, now: number): Decision => {
  if (!lease) return { start: false, because: 'the workload has no lease yet: its home site never held it' };
  if (lease.holder === site) return { start: false, because: `site '${site}' is active already` };
  if (claimIsLive(lease, now) && !givesWay(lease)) return { start: false, because: `run ${lease.claim!.incident} works on it` };
  if (plan.failover.policy === 'manual') return { start: false, because: "policy is 'manual': start the failover machine by hand" };
  const coolUntil = (lease.movedAt ?? 0) + plan.failover.cooldownMinutes * 60_000;
  return { start: true, cooldownUntil: coolUntil > now ? new Date(coolUntil).toISOString() : undefined };
};

/** A run that a site started by itself. */
export interface Attempt {
  execution: string;
  /** Epoch milliseconds. */
  at: number;
}

const attemptKey = (workload: string) => ({ pk: 'incident#automatic', sk: workload });

/** The newest run that was started without a person, in whichever site. */
export const lastAttempt = async (ledger: Pick<Ledger, 'get'>, workload: string): Promise<Attempt | undefined> =>
  (await ledger.get(attemptKey(workload))) as Attempt | undefined;

/** Starts a run, and remembers that before: who looks again must know of it also where the start's answer was lost. */
export const begin = async (
  run: { workload: string; execution: string; reason: string; detectedAt: string; cooldownUntil?: string },
  { ledger, start, now }: Pick<Base & Services, 'ledger' | 'start' | 'now'>,
): Promise<'started' | 'known'> => {
  const { workload, execution, ...rest } = run;
  await ledger.put({ ...attemptKey(workload), execution, at: now() });
  return start(execution, { workloads: [workload], mode: 'failover', trigger: 'alarm', ...rest });
};
