import type { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { inputOf, type RestoreOptions, restore } from '../../bin/commands/restore.ts';
import demo from '../../environments/demo-backup.ts';
import { leaseOf, MemoryLedger } from '../kit/services.ts';

const options = (over: Partial<RestoreOptions> = {}): RestoreOptions => ({ dryRun: false, watch: false, reason: 'test', ...over });

it.each([
  [{}, 'latestVerified'],
  [{ latest: true }, 'latest'],
  [{ at: '2026-11-27T12:30:00+02:00' }, { at: '2026-11-27T10:30:00.000Z' }],
  [{ before: '2026-11-27T10:30:00Z' }, { before: '2026-11-27T10:30:00.000Z' }],
  [{ recoveryPoint: 'p' }, { recoveryPoint: 'p' }],
] as const)('%j asks for the target %j', (given, target) => {
  expect(inputOf('orders', options(given))).toMatchObject({ workload: 'orders', target, placement: 'beside' });
});

it('in place is said by name, and an incident is gone on with as it was chosen', () => {
  expect(inputOf('orders', options({ inPlace: true }))).toMatchObject({ placement: 'inPlace' });
  expect(inputOf('orders', options({ inPlace: true, incident: 'run-1' }))).toEqual({ workload: 'orders', incident: 'run-1' });
});

it.each([
  [{ reason: undefined }, '--reason is missing'],
  [{ at: '2026-11-27T10:30:00Z', before: '2026-11-27T10:30:00Z' }, '--at and --before exclude each other'],
  [{ at: '2026-11-27 10:30' }, '--at 2026-11-27 10:30 is no moment'],
  [{ at: 'yesterdayZ' }, 'is no moment'],
  [{ cleanRoom: true }, '--clean-room needs --before'],
  [{ cleanRoom: true, inPlace: true }, 'exclude each other'],
] as const)('%j is refused before anything is called', (given, message) => {
  expect(() => inputOf('orders', options(given))).toThrow(message);
});

it('runs in the site that is active', async () => {
  const started: unknown[] = [];
  const send = async ({ input }: StartExecutionCommand) => {
    started.push(input);
    return { executionArn: 'arn' };
  };
  const operator = {
    environment: demo,
    ledger: new MemoryLedger(leaseOf({ holder: 'recovery' })) as never,
    regionOf: (site: 'primary' | 'recovery') => demo.sites[site].region,
    sfn: () => ({ send }) as never,
    stateMachineArn: (region: string, machine: string) => `${region}/${machine}`,
    print: () => {},
  };
  await restore(operator, 'orders', options());
  expect(started).toMatchObject([{ stateMachineArn: 'us-west-2/restore' }]);
  await expect(restore(operator, 'billing', options())).rejects.toThrow('known: orders');
});
