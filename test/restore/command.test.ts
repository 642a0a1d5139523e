import type { StartExecutionCommand } from '@aws-sdk/client-sfn';
import { expect, it } from 'vitest';
import { UsageError } from '../../bin/commands/operator.ts';
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

it('in place is said by name', () => {
  expect(inputOf('orders', options({ inPlace: true }))).toMatchObject({ placement: 'inPlace' });
});

it.each([
  [{}, {}],
  [{ acceptUnknown: true }, { acceptUnknown: true }],
  [{ before: '2026-11-27T10:30:00Z' }, { target: { before: '2026-11-27T10:30:00.000Z' } }],
  [{ recoveryPoint: 'p' }, { target: { recoveryPoint: 'p' } }],
])('an incident is gone on with as it was chosen, but for %j', (given, asked) => {
  const goesOn = { incident: 'run-1', inPlace: false, cleanRoom: false, acceptUnknown: false };
  expect(inputOf('orders', options({ ...goesOn, ...given }))).toEqual({ workload: 'orders', incident: 'run-1', reason: 'test', ...asked });
});

it.each([
  [{ latest: true }, '--latest'],
  [{ at: '2026-11-27T10:30:00Z' }, '--at'],
  [{ inPlace: true }, '--in-place'],
  [{ cleanRoom: true, before: '2026-11-27T10:30:00Z' }, '--clean-room'],
  [{ database: 'orders', site: 'primary' }, '--database, --site'],
  [{ detectedAt: '2026-11-27T10:30:00Z' }, '--detected-at'],
] as const)('with an incident %j is refused by name', (given, named) => {
  const call = () => inputOf('orders', options({ ...given, incident: 'run-1' }));
  expect(call).toThrow(UsageError);
  expect(call).toThrow(`${named}: chosen when the restore began`);
});

it.each([
  [{ reason: undefined }, '--reason is missing'],
  [{ at: '2026-11-27T10:30:00Z', before: '2026-11-27T10:30:00Z' }, '--at and --before exclude each other'],
  [{ at: '2026-11-27 10:30' }, '--at 2026-11-27 10:30 is no moment'],
  [{ at: 'yesterdayZ' }, 'is no moment'],
  [{ incident: 'run-1', dryRun: true }, '--dry-run and --incident exclude each other'],
  [{ incident: 'run-1', before: '2026-11-27T10:30:00Z', recoveryPoint: 'p' }, '--before and --recovery-point exclude each other'],
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
