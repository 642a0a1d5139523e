import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../lambdas/detection/judge.ts';
import { probe } from '../../lambdas/detection/probe.ts';
import type { Answer } from '../../lambdas/kit/http.ts';
import type { Observation, Verdict } from '../../lambdas/kit/observations.ts';

const NOW = 1_000_000;
const word = (verdict: Verdict, over: Partial<Observation> = {}): Observation => ({
  workload: 'orders',
  observer: 'x',
  target: 'primary',
  verdict,
  reason: '',
  at: NOW,
  since: NOW,
  ...over,
}); // prettier-ignore
const rule = { now: NOW, freshMs: 12_000, quorum: 2, target: 'primary' as const };

describe('judge', () => {
  it('needs the quorum to call a workload unhealthy, and dates it by the earliest', () => {
    expect(judge([word('unhealthy', { since: 5 }), word('unhealthy', { since: 3 }), word('healthy')], rule)).toMatchObject({
      verdict: 'unhealthy',
      unhealthySince: 3,
    });
    expect(judge([word('unhealthy'), word('unknown'), word('unknown')], rule).verdict).toBe('unknown');
    expect(judge([word('unhealthy'), word('healthy'), word('healthy')], rule).verdict).toBe('healthy');
  });

  it('never counts unknown, missing, stale or misdirected words: without two fresh unhealthy ones nothing moves', () => {
    const anyWord = fc.record({
      verdict: fc.constantFrom<Verdict>('healthy', 'unhealthy', 'unknown'),
      age: fc.integer({ min: 0, max: 60_000 }),
      target: fc.constantFrom('primary' as const, 'recovery' as const),
    });
    fc.assert(
      fc.property(fc.array(anyWord, { maxLength: 3 }), (words) => {
        const observations = words.map(({ verdict, age, target }) => word(verdict, { at: NOW - age, target }));
        const counted = words.filter(({ verdict, age, target }) => verdict === 'unhealthy' && age <= 12_000 && target === 'primary').length;
        expect(judge(observations, rule).verdict === 'unhealthy').toBe(counted >= 2);
      }),
    );
  });
});

describe('probe', () => {
  const silent: Answer = { kind: 'silent', reason: 'ECONNREFUSED', milliseconds: 1 };
  const status = (code: number): Answer => ({ kind: 'answered', status: code, milliseconds: 1 });
  const look = (target: Answer, reference: Answer = status(200)) =>
    probe('http://target/health', {
      references: ['http://reference/'],
      timeoutMs: 100,
      request: async (url) => (url.includes('reference') ? reference : target),
    });

  it.each([
    ['an answer 200', status(200), status(200), 'healthy'],
    ['an answer 503', status(503), status(200), 'unhealthy'],
    ['silence while the reference answers', silent, status(500), 'unhealthy'],
    ['silence everywhere', silent, silent, 'unknown'],
    ['a 5xx while no reference answers', status(502), silent, 'unknown'],
    ['a wrong path', status(404), status(200), 'unknown'],
    ['a login page', status(302), status(200), 'unknown'],
  ] as const)('%s: %s', async (_, target, reference, verdict) => {
    expect((await look(target, reference)).verdict).toBe(verdict);
  });
});
