import { afterAll, beforeAll, expect, it } from 'vitest';
import { client, createFunction } from './functions.ts';
import { EAST, startLab, type TestLab, WEST } from './lab.ts';

let lab: TestLab;

beforeAll(async () => {
  lab = await startLab({ limits: { maxSandboxes: 2, queueMs: 500, idleMs: 60_000 } });
  for (const name of ['one', 'two', 'three']) await createFunction(client(lab.endpoint, EAST), name);
  await createFunction(client(lab.endpoint, WEST), 'one');
}, 120_000);

afterAll(() => lab.stop());

const sleep = (region: string, name: string, ms: number) => lab.service.invoke(region, name, { do: 'sleep', ms });

it('a call beyond the cap waits for a sandbox', async () => {
  const ends: string[] = [];
  const calls = ['one', 'two', 'three'].map((name) => sleep(EAST, name, 100).then(() => ends.push(name)));
  await Promise.all(calls);
  // It cannot begin before one of the others has ended, whichever of them started faster.
  expect(ends.indexOf('three')).toBeGreaterThan(0);
  expect(lab.service.sandboxes(EAST)).toBe(2);
});

it('is throttled when it has waited long enough', async () => {
  const running = [sleep(EAST, 'one', 1_000), sleep(EAST, 'two', 1_000)];
  await expect(sleep(EAST, 'three', 1)).rejects.toMatchObject({
    code: 'TooManyRequestsException',
    detail: { Reason: 'ConcurrentInvocationLimitExceeded' },
  });
  await Promise.all(running);
});

it('an idle sandbox gives way to another function', async () => {
  for (const name of ['one', 'two', 'three']) await sleep(EAST, name, 1);
  expect(lab.service.sandboxes(EAST)).toBe(2);
});

it('a region that is full does not hinder another', async () => {
  const running = [sleep(EAST, 'one', 400), sleep(EAST, 'two', 400)];
  expect((await sleep(WEST, 'one', 1)).functionError).toBeUndefined();
  await Promise.all(running);
});
