import { describe, expect, it } from 'vitest';
import { confirmOutage } from '../../lambdas/failover/confirm-outage.ts';
import { OutageNotConfirmed } from '../../lambdas/kit/errors.ts';
import type { Answer } from '../../lambdas/kit/http.ts';
import type { Observation, Verdict } from '../../lambdas/kit/observations.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, NOW, request } from '../kit/services.ts';

const word = (observer: string, verdict: Verdict, over: Partial<Observation> = {}): Observation => ({
  workload: 'orders',
  observer,
  target: 'primary',
  verdict,
  reason: '',
  at: NOW - 1000,
  since: NOW - 30_000,
  ...over,
}); // prettier-ignore
const silent: Answer = { kind: 'silent', reason: 'timeout', milliseconds: 2000 };
const ok: Answer = { kind: 'answered', status: 200, milliseconds: 3 };
const confirm = (known: Observation[], target: Answer, reference: Answer = ok, over = {}) =>
  runStep(
    confirmOutage,
    { workload: 'orders', request: request(over) },
    {
      ...baseFor(leaseOf()),
      observations: { latest: async () => known } as never,
      request: async (url: string) => (url.includes('reference') ? reference : target),
    },
  );

describe('confirm-outage', () => {
  it('confirms when its own probe and another observer say unhealthy, and starts the clock at the first bad observation', async () => {
    const known = [word('us-east-2', 'unhealthy', { since: NOW - 42_000 }), word('us-west-2', 'unhealthy')];
    expect(await confirm(known, silent)).toMatchObject({ outageBeganAt: new Date(NOW - 42_000).toISOString(), votes: { unhealthy: 2 } });
  });

  it.each([
    ['the others say healthy', [word('us-east-2', 'healthy')], silent, ok],
    ['the others say nothing', [], silent, ok],
    ['the others are unknown', [word('us-east-2', 'unknown')], silent, ok],
    ['the other word is stale', [word('us-east-2', 'unhealthy', { at: NOW - 60_000 })], silent, ok],
    ['the other word is about another site', [word('us-east-2', 'unhealthy', { target: 'recovery' })], silent, ok],
    ['its own network is broken', [word('us-east-2', 'unhealthy')], silent, silent],
    ['the workload answers', [word('us-east-2', 'unhealthy')], ok, ok],
  ])('refuses when %s', async (_, known, target, reference) => {
    await expect(confirm(known, target, reference)).rejects.toBeInstanceOf(OutageNotConfirmed);
  });

  it('says in a dry run what it would have done', async () => {
    expect(await confirm([], ok, ok, { dryRun: true })).toHaveProperty('would');
  });
});
