import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startMiniStack } from '../../lab/engines/ministack.ts';
import { enginesPython } from '../../lab/engines/venv.ts';
import { localCalls } from '../../lambdas/kit/clients.ts';
import { ClockWatch, settleClock } from '../../lambdas/kit/clock.ts';
import { Pledges } from '../../lambdas/kit/pledges.ts';
import { EAST, type Fixture, startFixture, WEST } from '../lab/gateway/fixture.ts';

let lab: Fixture;
/** The pledges of the west, as the holder in the east asks for them and as the west ends them. */
let asked: Pledges;
let own: Pledges;
const clock = new ClockWatch();

beforeAll(async () => {
  const python = await enginesPython();
  lab = await startFixture();
  await startMiniStack({ world: lab.world, gateway: lab.gateway, processes: lab.supervisor, python });
  const keys = [
    { AttributeName: 'pk', KeyType: 'HASH' as const },
    { AttributeName: 'sk', KeyType: 'RANGE' as const },
  ];
  const AttributeDefinitions = keys.map(({ AttributeName }) => ({ AttributeName, AttributeType: 'S' as const }));
  const table = { TableName: 'observations', BillingMode: 'PAY_PER_REQUEST' as const, KeySchema: keys, AttributeDefinitions };
  await new DynamoDBClient(lab.client(WEST)).send(new CreateTableCommand(table));
  vi.stubEnv('AWS_ENDPOINT_URL', lab.gateway.endpoint(EAST));
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'tester');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'tester');
  asked = new Pledges(WEST, { limits: localCalls }, 'observations');
  own = new Pledges(WEST, { limits: localCalls, clock }, 'observations');
}, 180_000);
afterAll(() => {
  vi.unstubAllEnvs();
  return lab?.stop();
});

const ask = (workload: string, now: number, epoch = 3) => asked.ask(workload, { site: 'primary', epoch, now, until: now + 20 });

it('are given round after round, and only grow', async () => {
  expect([await ask('grows', 100), await ask('grows', 105)]).toEqual([true, true]);
  // What was held up on its way must not shorten what was promised since.
  expect(await ask('grows', 104)).toBe(false);
  expect(await own.suspend('grows', 0)).toMatchObject({ site: 'primary', epoch: 3, until: 125 });
});

it('are refused while a take is under way, and no longer than it said', async () => {
  expect(await own.suspend('suspended', 120)).not.toHaveProperty('until');
  expect([await ask('suspended', 120), await ask('suspended', 121)]).toEqual([false, true]);
});

it('are refused for good to an epoch that was taken, and to those before it; a late closing opens none again', async () => {
  await ask('closed', 100);
  expect(await own.close('closed', 3)).toMatchObject({ closedEpoch: 3, until: 120 });
  expect([await ask('closed', 9_000, 3), await ask('closed', 9_000, 2)]).toEqual([false, false]);
  expect(await own.close('closed', 1)).toMatchObject({ closedEpoch: 3 });
  expect([await ask('closed', 9_000, 3), await ask('closed', 9_000, 4)]).toEqual([false, true]);
});

it('race with a take on one item: whoever is second sees the first', async () => {
  for (let i = 0; i < 20; i++) {
    const [pledged, { until = 0 }] = await Promise.all([ask(`race ${i}`, 100), own.suspend(`race ${i}`, 200)]);
    // Asked first: the take sees it and waits. Suspended first: nothing is pledged.
    if (until > 0) expect(pledged).toBe(true);
    else expect(pledged).toBe(false);
  }
});

it('tell by their answers how wrong the clock is, also by those that refuse', async () => {
  const look = () => own.read('clock');
  await settleClock(clock, 1_000, look, { sleep: (ms) => sleep(ms), now: Date.now });
  const { lowMs, highMs } = clock.error!;
  // Both clocks are one: whatever was measured must hold nought, to a few milliseconds of rounding.
  expect(lowMs).toBeLessThanOrEqual(20);
  expect(highMs).toBeGreaterThanOrEqual(-20);
  expect(highMs - lowMs).toBeLessThan(1_000);
});
