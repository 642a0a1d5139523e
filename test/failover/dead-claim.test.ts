import { expect, it } from 'vitest';
import { isDead } from '../../lambdas/failover/dead-claim.ts';
import type { Claim } from '../../lambdas/kit/lease.ts';

const claim: Claim = { site: 'primary', incident: 'run', execution: 'run', mode: 'failover', expiresAt: 1 };

it('a claim is dead only when its own site knows that its execution has ended', async () => {
  expect(await isDead(claim, 'primary', async () => true)).toBe(true);
  expect(await isDead(claim, 'primary', async () => undefined)).toBe(false);
  expect(await isDead(claim, 'recovery', async () => true)).toBe(false);
});

it("a repair's is not to be judged by the failover machine, which knows none of its executions", async () => {
  expect(await isDead({ ...claim, mode: 'repair' }, 'primary', async () => true)).toBe(false);
});
