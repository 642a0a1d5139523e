import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterEach, describe, expect, it, vi } from 'vitest';
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
