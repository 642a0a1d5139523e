import { InvokeCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { client, createFunction } from './functions.ts';
import { EAST, startLab, type TestLab, WEST } from './lab.ts';

let lab: TestLab;

beforeAll(async () => {
  lab = await startLab();
  for (const region of [EAST, WEST]) await createFunction(client(lab.endpoint, region), 'obedient', undefined, { Timeout: 2 });
}, 120_000);

afterAll(() => lab.stop());

/** Resolves to the answer, or to `silent` if there is none within the time. */
function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | 'silent'> {
  let timer: NodeJS.Timeout;
  const silence = new Promise<'silent'>((resolve) => {
    timer = setTimeout(() => resolve('silent'), milliseconds);
  });
  return Promise.race([promise, silence]).finally(() => clearTimeout(timer));
}

const ask = (region: string, event: unknown) =>
  lab.service.invoke(region, 'obedient', event).then(({ payload }) => JSON.parse(payload.toString()));

describe('a blackout', () => {
  it('stops what runs and answers nobody; the other region goes on; what is overdue on return times out', async () => {
    await ask(EAST, { do: 'echo' });
    const running = ask(EAST, { do: 'sleep', ms: 600 });
    await expect.poll(() => lab.service.logs(EAST, 'obedient').filter((line) => line.startsWith('START'))).toHaveLength(2);
    await lab.world.blackout(EAST);
    const called = ask(EAST, { do: 'echo' });
    expect(await within(running, 2_500)).toBe('silent');
    expect(await within(called, 50)).toBe('silent');
    expect(await ask(WEST, { do: 'echo' })).toEqual({ do: 'echo' });
    await lab.world.restore(EAST);
    expect(await called).toEqual({ do: 'echo' });
    expect(await running).toMatchObject({ errorType: 'Sandbox.Timedout' });
  });

  it('shorter than the timeout lets the invocation finish', async () => {
    const running = ask(EAST, { do: 'sleep', ms: 300 });
    await expect.poll(() => lab.service.logs(EAST, 'obedient').at(-1)).toMatch(/^START/);
    await lab.world.blackout(EAST);
    expect(await within(running, 500)).toBe('silent');
    await lab.world.restore(EAST);
    expect(await running).toBe('slept');
  });

  it('lets the accepted events wait', async () => {
    await lab.world.blackout(EAST);
    await lab.world.restore(EAST);
    const { status } = await lab.service.invoke(EAST, 'obedient', { do: 'log', text: 'late but run' }, { type: 'Event' });
    await lab.world.blackout(EAST);
    expect(status).toBe(202);
    await lab.world.restore(EAST);
    await expect.poll(() => lab.service.logs(EAST, 'obedient').join('\n')).toContain('late but run');
  });
});

it('functions that are known run while the control plane is down', async () => {
  const other = await startLab({ limits: { idleMs: 10_000 } });
  try {
    await createFunction(client(other.endpoint, EAST), 'obedient');
    await other.service.invoke(EAST, 'obedient', {});
    other.engineProcess.freeze();
    const answer = await client(other.endpoint, EAST).send(new InvokeCommand({ FunctionName: 'obedient', Payload: '{"do":"echo"}' }));
    expect(answer.StatusCode).toBe(200);
  } finally {
    await other.stop();
  }
});

it('stopping ends every sandbox and every waiting call', async () => {
  const other = await startLab();
  await createFunction(client(other.endpoint, EAST), 'obedient', undefined, { Timeout: 60 });
  const running = other.service.invoke(EAST, 'obedient', { do: 'sleep', ms: 60_000 });
  await expect.poll(() => other.service.logs(EAST, 'obedient').length).toBeGreaterThan(0);
  await other.world.blackout(WEST);
  const waiting = other.service.invoke(WEST, 'obedient', {}).catch((error: Error) => error.message);
  await other.stop();
  expect((await running).functionError).toBe('Unhandled');
  expect(await waiting).toBe('the lab has stopped');
  expect(other.service.sandboxes()).toBe(0);
});
