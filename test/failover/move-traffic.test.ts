import { describe, expect, it } from 'vitest';
import { buildBeacon } from '../../lambdas/failover/answer-beacon.ts';
import { shiftTraffic } from '../../lambdas/failover/shift-traffic.ts';
import { verifyApplication } from '../../lambdas/failover/verify-application.ts';
import { verifyPublicName } from '../../lambdas/failover/verify-public-name.ts';
import { LeaseLost, NotReady } from '../../lambdas/kit/errors.ts';
import type { Answer } from '../../lambdas/kit/http.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import { baseFor, leaseOf, request } from '../kit/services.ts';

const input = (over = {}) => ({ workload: 'orders', request: request(over) });
const answered = (status: number): Answer => ({ kind: 'answered', status, milliseconds: 5 });

describe.each([
  ['verify-application', verifyApplication, 'http://orders.us-west-2.elb.amazonaws.com/health/write'],
  ['verify-public-name', verifyPublicName, 'http://orders.demo.example.com/health/write'],
] as const)('%s', (_, step, url) => {
  const run = (answer: Answer, over = {}) => {
    const asked: string[] = [];
    const ask = async (to: string, { method }: { method?: string }) => {
      asked.push(`${method} ${to}`);
      return answer;
    };
    return { asked, result: runStep(step as typeof verifyApplication, input(over), { ...baseFor(leaseOf()), request: ask as never }) };
  };

  it('writes end to end, and waits until that succeeds', async () => {
    const { asked, result } = run(answered(200));
    await result;
    expect(asked).toEqual([`POST ${url}`]);
    await expect(run(answered(503)).result).rejects.toBeInstanceOf(NotReady);
    await expect(run({ kind: 'silent', reason: 'timeout', milliseconds: 4000 }).result).rejects.toBeInstanceOf(NotReady);
  });

  it('does not write in a dry run', async () => {
    const { asked, result } = run(answered(200), { dryRun: true });
    await result;
    expect(asked).toEqual([]);
  });
});

describe('shift-traffic', () => {
  it('serves from this site only when it holds the lease, and twice is once', async () => {
    const base = baseFor(leaseOf({ holder: 'recovery', epoch: 4 }));
    await runStep(shiftTraffic, input(), base);
    await runStep(shiftTraffic, input(), base);
    expect(base.memory.current?.serving).toBe('recovery');
    expect(base.memory.writes.filter((write) => write === 'serve')).toHaveLength(1);
    await expect(runStep(shiftTraffic, input(), baseFor(leaseOf()))).rejects.toBeInstanceOf(LeaseLost);
  });
});

describe('answer-beacon', () => {
  const never = () => new Promise<never>(() => undefined);
  const beaconWith = (serving: (workload: string, consistent: boolean) => Promise<SiteName | undefined>, now = Date.now) =>
    buildBeacon({ site: 'recovery', workloads: ['orders'], token: 'secret-path', serving, now });
  const at = (beacon: ReturnType<typeof beaconWith>, rawPath = '/orders/secret-path') =>
    beacon({ rawPath }).then(({ statusCode }) => statusCode);

  it('answers 200 if and only if traffic should come here', async () => {
    expect(await at(beaconWith(async () => 'recovery'))).toBe(200);
    expect(await at(beaconWith(async () => 'primary'))).toBe(503);
    expect(await at(beaconWith(async () => undefined))).toBe(503);
  });

  it('tells nothing to those who do not know the path', async () => {
    const beacon = beaconWith(async () => 'recovery');
    for (const path of ['/', '/orders', '/orders/guess', '/other/secret-path']) expect(await at(beacon, path)).toBe(404);
  });

  it("falls back to the replica's own word, then to the last one, within the checkers' 2 s", async () => {
    expect(await at(beaconWith((_, consistent) => (consistent ? never() : Promise.resolve('recovery'))))).toBe(200);
    let clock = 0;
    let works = true;
    const beacon = beaconWith(
      async () => {
        if (works) return 'recovery';
        throw new Error('ledger unreachable');
      },
      () => clock,
    );
    expect(await at(beacon)).toBe(200);
    works = false;
    clock = 60_000;
    expect(await at(beacon)).toBe(200);
    const began = performance.now();
    expect(await at(beaconWith(never))).toBe(503);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
