import type { ClockError } from '../kit/clock.ts';
import { messageOf } from '../kit/errors.ts';
import type { ask } from '../kit/http.ts';
import type { Observation, Observations } from '../kit/observations.ts';
import { type Environment, otherSite, type SiteName, urlOf, type Workload } from '../kit/plan.ts';
import { freshMsFor, judge } from './judge.ts';
import { probe } from './probe.ts';

/** Longer than a handover between two loops takes. */
const SILENT_AFTER_MS = 30_000;

export interface ObserverServices {
  plan: Environment;
  region: string;
  /** The site in which this observer stands; none in the witness, which observes but does not judge. */
  site: SiteName | undefined;
  observations: Pick<Observations, 'write' | 'latest'>;
  /** How wrong this host's clock is, where that is more than the sites may differ. */
  clockError(): ClockError | undefined;
  /** Which site is active, or nothing while that is not known. */
  activeSite(workload: Workload): Promise<SiteName | undefined>;
  request: typeof ask;
  now(): number;
  log(event: string, facts: Record<string, unknown>): void;
}

/** Observes one workload from one region, and in a site judges what all observers say. */
export class Observer {
  private last?: Observation;
  /** The newest word of the standby site's observer that could be read. */
  private standbyWord?: Observation;
  /** Since when this loop has asked for it. */
  private askedSince?: number;

  constructor(
    private readonly workload: Workload,
    private readonly services: ObserverServices,
  ) {}

  /** One round. Returns 1 when the workload is down and this site could take it over, 0 otherwise, nothing when that is unknown. */
  async round(): Promise<0 | 1 | undefined> {
    const target = await this.services.activeSite(this.workload);
    if (!target) return undefined;
    const observation = await this.observe(target);
    await this.services.observations
      .write(observation)
      .catch((error: unknown) => this.services.log('observation-not-written', { error: messageOf(error) }));
    if (!this.services.site) return undefined;
    if (this.services.site === target) return 0;
    return (await this.judge(observation, target)) ? 1 : 0;
  }

  /**
   * Asked by the active site: has the standby site's observer said nothing for a while? Then nobody there could take over. A loop that has just
   * begun and reads nothing does not know yet: one reading that failed, or a standby that begins at the same time, is no silence.
   */
  async standbyIsSilent(): Promise<0 | 1 | undefined> {
    const { site, plan, observations, now } = this.services;
    if (!site || (await this.services.activeSite(this.workload)) !== site) return undefined;
    const standby = plan.sites[otherSite(site)].region;
    const latest = await observations.latest(this.workload.name, { exceptOwn: true });
    // What was read before counts until it is old.
    const word = latest.find(({ observer }) => observer === standby) ?? this.standbyWord;
    this.standbyWord = word;
    this.askedSince ??= now();
    if (now() - (word?.at ?? this.askedSince) > SILENT_AFTER_MS) return 1;
    return word && 0;
  }

  private async observe(target: SiteName): Promise<Observation> {
    const { plan, region, now, request } = this.services;
    const { references, probeTimeoutSeconds } = plan.detection;
    const url = urlOf(this.workload, this.workload.endpoint.healthPath, target);
    const began = now();
    this.last ??= await this.wordBefore();
    const { verdict, reason } = await probe(url, { references, timeoutMs: probeTimeoutSeconds * 1000, request });
    const unchanged = this.last?.verdict === verdict && this.last.target === target;
    if (!unchanged) this.services.log('verdict', { workload: this.workload.name, target, verdict, reason });
    this.last = {
      workload: this.workload.name,
      observer: region,
      target,
      verdict,
      reason,
      at: now(),
      since: unchanged ? this.last!.since : began,
      clockError: this.services.clockError(),
    };
    return this.last;
  }

  /** What the loop before this one saw last: an outage does not begin anew with each loop. */
  private async wordBefore(): Promise<Observation | undefined> {
    const { observations, region, now } = this.services;
    const known = await observations.latest(this.workload.name).catch(() => []);
    return known.find(({ observer, at }) => observer === region && now() - at <= SILENT_AFTER_MS);
  }

  private async judge(own: Observation, target: SiteName): Promise<boolean> {
    const { plan, now, observations } = this.services;
    const others = await observations.latest(this.workload.name, { exceptOwn: true });
    const freshMs = freshMsFor(plan.detection);
    return judge([own, ...others], { now: now(), freshMs, quorum: plan.detection.quorum, target }).verdict === 'unhealthy';
  }
}
