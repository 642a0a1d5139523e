import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Claim } from '../../lambdas/kit/lease.ts';
import { Ledger } from '../../lambdas/kit/ledger.ts';

afterEach(() => vi.restoreAllMocks());

/** A table whose one partition has so many items, of which a page has 400 at most. */
const ledgerOf = (count: number): Ledger => {
  vi.spyOn(DynamoDBDocumentClient.prototype, 'send').mockImplementation(async (command) => {
    const { ExclusiveStartKey, Limit = 400 } = command.input as { ExclusiveStartKey?: { sk: number }; Limit?: number };
    const from = ExclusiveStartKey?.sk ?? 0;
    const to = Math.min(from + Math.min(Limit, 400), count);
    const Items = Array.from({ length: to - from }, (_, i) => ({ sk: from + i }));
    return { Items, LastEvaluatedKey: to < count ? { sk: to } : undefined } as never;
  });
  return new Ledger('table', { region: 'us-east-1' });
};

describe('a list from the ledger', () => {
  it('is all of it, page after page', async () => {
    expect((await ledgerOf(1_234).list('fence#orders')).at(-1)).toEqual({ sk: 1_233 });
  });

  it('is as long as was asked for', async () => {
    expect(await ledgerOf(1_234).list('incident#index', { limit: 450 })).toHaveLength(450);
  });

  it('throws rather than hide what is over the bound', async () => {
    await expect(ledgerOf(10_001).list('fence#orders')).rejects.toThrow("more than 10000 items under 'fence#orders'");
  });
});

describe('a retake of what was released', () => {
  const NOW = 1_000_000;
  const claimOf = (fields: Partial<Claim>): Claim => ({
    ...{ site: 'recovery', incident: 'i', execution: 'x', mode: 'failover', expiresAt: NOW + 1, ...fields },
  });
  const retake = async (claim: Claim | undefined) => {
    const send = vi.spyOn(DynamoDBDocumentClient.prototype, 'send').mockImplementation(async () => ({}) as never);
    const lease = { workload: 'orders', holder: 'primary', epoch: 3, expiresAt: 0, released: true, serving: 'primary', claim } as const;
    await new Ledger('table', { region: 'us-east-1' }).retake(lease, NOW, 20_000);
    return send.mock.calls[0]![0].input as { UpdateExpression: string; ConditionExpression: string };
  };

  it.each([
    ['there is none', undefined],
    ['it has ended', claimOf({ expiresAt: NOW })],
    ['the run acts', claimOf({ acting: true })],
    ['it is a restore that may stand half-way', claimOf({ mode: 'restore', committed: true })],
  ])('asks that no claim lives where %s', async (_, claim) => {
    const { UpdateExpression, ConditionExpression } = await retake(claim);
    expect(UpdateExpression).toMatch(/REMOVE claim$/);
    expect(ConditionExpression).toContain('claim.expiresAt <= :now');
  });

  it.each(['failover', 'switchover'] as const)('leaves the claim of a %s that only looks, as long as it does not act', async (mode) => {
    const { UpdateExpression, ConditionExpression } = await retake(claimOf({ mode }));
    expect(UpdateExpression).not.toContain('claim');
    expect(ConditionExpression).toContain('claim.execution = :looked AND attribute_not_exists(claim.acting)');
  });
});

it.each([
  [undefined, true],
  [true, false],
])('passes by a claim only as it was read: acting %s', async (acting, must) => {
  const send = vi.spyOn(DynamoDBDocumentClient.prototype, 'send').mockImplementation(async () => ({}) as never);
  const seen: Claim = { site: 'recovery', incident: 'x', execution: 'x', mode: 'switchover', expiresAt: 2, acting };
  const lease = {
    workload: 'orders',
    holder: 'primary',
    epoch: 3,
    expiresAt: 0,
    released: false,
    serving: 'primary',
    claim: seen,
  } as const;
  await new Ledger('table', { region: 'us-east-1' }).claim(lease, { ...seen, execution: 'y', mode: 'failover' }, 1, 'x');
  const { ConditionExpression } = send.mock.calls[0]![0].input as { ConditionExpression: string };
  expect(ConditionExpression.includes('claim.execution = :passed AND attribute_not_exists(claim.acting)')).toBe(must);
});
