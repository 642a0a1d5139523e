import { freshMsFor, judge } from '../detection/judge.ts';
import { probe } from '../detection/probe.ts';
import { OutageNotConfirmed } from '../kit/errors.ts';
import { ask } from '../kit/http.ts';
import { type Observation, Observations } from '../kit/observations.ts';
import { otherSite, urlOf, workloadOf } from '../kit/plan.ts';
import { defineStep, workloadRun } from '../kit/step.ts';

/**
 * Looks again before anything is moved: a probe of its own, and what the other observers say now.
 * @throws OutageNotConfirmed unless the quorum still says `unhealthy`; `unknown` confirms nothing.
 */
export const confirmOutage = defineStep({
  name: 'confirm-outage',
  input: workloadRun,
  throws: [OutageNotConfirmed],
  build: ({ plan, region }) => ({ observations: new Observations(plan, region), request: ask }),
  run: async ({ workload: name, request: run }, { plan, site, region, incidents, observations, request, now }) => {
    const target = otherSite(site);
    const workload = workloadOf(plan, name);
    const { references, probeTimeoutSeconds, quorum } = plan.detection;
    const url = urlOf(workload, workload.endpoint.healthPath, target);
    const [fresh, known] = await Promise.all([
      probe(url, { references, timeoutMs: probeTimeoutSeconds * 1000, request }),
      observations.latest(name),
    ]);
    const own: Observation = {
      workload: name,
      observer: region,
      target,
      ...fresh,
      at: now(),
      since: earliestSince(known, region, fresh.verdict, now()),
    };
    const others = known.filter(({ observer }) => observer !== region);
    const judgement = judge([own, ...others], { now: now(), freshMs: freshMsFor(plan.detection), quorum, target });
    if (judgement.verdict !== 'unhealthy') {
      const why = `${quorum} of 3 observers must say unhealthy, found ${JSON.stringify(judgement.votes)}; here: ${fresh.reason}`;
      if (run.dryRun) return { would: `stop: ${why}`, votes: judgement.votes };
      throw new OutageNotConfirmed(why);
    }
    const outageBeganAt = new Date(judgement.unhealthySince!).toISOString();
    if (!run.dryRun) await incidents.note(run.incident, name, { outageBeganAt });
    return { outageBeganAt, votes: judgement.votes };
  },
});
export const handler = confirmOutage.handler;

/** Our loop's word on since when, if it has said the same; this probe is only the newest of its row. */
const earliestSince = (known: readonly Observation[], region: string, verdict: string, now: number): number =>
  known.find((observation) => observation.observer === region && observation.verdict === verdict)?.since ?? now;
