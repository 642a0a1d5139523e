import { expect, it } from 'vitest';
import { Handover } from '../../lambdas/detection/handover.ts';

/** The loops of a region, and what each sees of the ledger. */
const regionOf = () => {
  let newest: string | undefined;
  const loops = {
    beginLoop: async (id: string) => {
      newest = id;
    },
    newestLoop: async () => newest,
  };
  const reached = new Set<string>();
  return { reached, start: (id: string) => new Handover(id, loops, () => reached.has(id)) };
};

it('ends a loop when its successor has begun', async () => {
  const { reached, start } = regionOf();
  const [first, second] = [start('first'), start('second')];
  reached.add('first').add('second');
  expect([await first.look(), await first.look()]).toEqual([false, false]);
  expect(await second.look()).toBe(false);
  expect([await first.look(), await second.look()]).toEqual([true, false]);
});

it('keeps a loop that knows its deadline while no successor reaches the ledger', async () => {
  const { reached, start } = regionOf();
  const [first, second] = [start('first'), start('second')];
  reached.add('first');
  await first.look();
  expect([await second.look(), await first.look(), await second.look()]).toEqual([false, false, false]);
  reached.add('second');
  await second.look();
  expect(await first.look()).toBe(true);
});
