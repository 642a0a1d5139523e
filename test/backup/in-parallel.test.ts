import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inParallel } from '../../lambdas/backup/jobs.ts';

it('reads hundreds of things in their order, and never more than twenty at once', async () => {
  let open = 0;
  let most = 0;
  const read = async (i: number): Promise<string> => {
    open += 1;
    most = Math.max(most, open);
    await turn();
    open -= 1;
    return `item ${i}`;
  };
  const items = Array.from({ length: 300 }, (_, i) => i);
  expect(await inParallel(items, read)).toEqual(items.map((i) => `item ${i}`));
  expect(most).toBe(20);
});

it('fails with the first read that does', async () => {
  const read = async (i: number) => (i === 7 ? Promise.reject(new Error('denied')) : i);
  await expect(inParallel([1, 7, 9], read)).rejects.toThrow('denied');
});
