import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { Observer } from '../../lambdas/detection/observer.ts';
import type { ClockError } from '../../lambdas/kit/clock.ts';
import type { Answer } from '../../lambdas/kit/http.ts';
import type { Observation } from '../../lambdas/kit/observations.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import { NOW } from '../kit/services.ts';

const ok: Answer = { kind: 'answered', status: 200, milliseconds: 1 };
const silent: Answer = { kind: 'silent', reason: 'timeout', milliseconds: 2000 };
const word = (observer: string, over: Partial<Observation> = {}): Observation => ({
  workload: 'orders',
  observer,
  target: 'primary',
  verdict: 'unhealthy',
  reason: '',
  at: NOW,
  since: NOW,
  ...over,
}); // prettier-ignore

const observe = (options: { site?: SiteName; active?: SiteName; answer?: Answer; others?: Observation[]; clockError?: ClockError }) => {
  const written: Observation[] = [];
  const clock = { now: NOW };
  const observer = new Observer(demo.workloads[0]!, {
    plan: demo,
    region: options.site ? demo.sites[options.site].region : 'us-east-2',
    site: options.site,
    observations: { write: async (observation) => void written.push(observation), latest: async () => options.others ?? [] },
    clockError: () => options.clockError,
    activeSite: async () => options.active,
    request: async (url) => (url.includes('reference') ? ok : (options.answer ?? ok)),
    now: () => clock.now,
    log: () => {},
  });
  return { observer, written, clock };
};

describe('observer', () => {
  it('calls the workload down from the standby site when the quorum says so', async () => {
    const { observer, written } = observe({ site: 'recovery', active: 'primary', answer: silent, others: [word('us-east-2')] });
    expect(await observer.round()).toBe(1);
    expect(written[0]).toMatchObject({ observer: 'us-west-2', target: 'primary', verdict: 'unhealthy' });
  });

  it('never calls it down alone, nor from the active site, nor without knowing which site is active', async () => {
    expect(await observe({ site: 'recovery', active: 'primary', answer: silent }).observer.round()).toBe(0);
    expect(await observe({ site: 'primary', active: 'primary', answer: silent, others: [word('us-east-2')] }).observer.round()).toBe(0);
    const lost = observe({ site: 'recovery', active: undefined, answer: silent, others: [word('us-east-2')] });
    expect(await lost.observer.round()).toBeUndefined();
    expect(lost.written).toEqual([]);
  });

  it('says with its word that its own clock is wrong', async () => {
    const { observer, written } = observe({ site: 'recovery', active: 'primary', clockError: { lowMs: 600, highMs: 700 } });
    await observer.round();
    expect(written[0]).toMatchObject({ verdict: 'healthy', clockError: { lowMs: 600, highMs: 700 } });
  });

  it('only observes in the witness', async () => {
    const { observer, written } = observe({ active: 'primary', answer: silent, others: [word('us-west-2')] });
    expect(await observer.round()).toBeUndefined();
    expect(written).toHaveLength(1);
  });

  it('does not take one reading that failed for silence', async () => {
    const others = [word('us-west-2', { verdict: 'healthy', at: NOW - 20_000 })];
    const { observer, clock } = observe({ site: 'primary', active: 'primary', others });
    expect(await observer.standbyIsSilent()).toBe(0);
    others.length = 0;
    clock.now += 9_000;
    expect(await observer.standbyIsSilent()).toBe(0);
    clock.now += 2_000;
    expect(await observer.standbyIsSilent()).toBe(1);
  });

  it("tells the active site that the standby's observer is silent: missing or old, and nobody else asks", async () => {
    const standby = (over = {}) => [word('us-west-2', { verdict: 'healthy', ...over }), word('us-east-2')];
    expect(await observe({ site: 'primary', active: 'primary', others: standby() }).observer.standbyIsSilent()).toBe(0);
    expect(await observe({ site: 'primary', active: 'primary', others: standby({ at: NOW - 31_000 }) }).observer.standbyIsSilent()).toBe(1);
    const missing = observe({ site: 'primary', active: 'primary', others: [word('us-east-2')] });
    expect(await missing.observer.standbyIsSilent()).toBeUndefined();
    missing.clock.now += 31_000;
    expect(await missing.observer.standbyIsSilent()).toBe(1);
    expect(await observe({ site: 'recovery', active: 'primary' }).observer.standbyIsSilent()).toBeUndefined();
  });
});
