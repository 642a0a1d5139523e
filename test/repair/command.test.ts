import { describe, expect, it } from 'vitest';
import type { Operator } from '../../bin/commands/operator.ts';
import { parseKey, type RepairOptions, repair } from '../../bin/commands/repair.ts';
import demo from '../../environments/demo-backup.ts';
import { leaseOf, MemoryLedger } from '../kit/services.ts';

const options: RepairOptions = {
  from: 'lifeboat-demo-backup-restored-1',
  table: 'orders',
  key: ['client-17'],
  maxRows: '100',
  reason: 'a bad record',
  dryRun: false,
  watch: false,
};

/** What the command would start. */
const started = async (over: Partial<RepairOptions> = {}, workload = 'orders', holder: 'primary' | 'recovery' = 'primary') => {
  const calls: { region: string; arn: string; input: unknown }[] = [];
  const operator: Partial<Operator> = {
    environment: demo,
    ledger: new MemoryLedger(leaseOf({ holder })) as never,
    regionOf: (site) => demo.sites[site].region,
    stateMachineArn: (region, machine) => `${region}:${machine}`,
    sfn: (region) =>
      ({
        send: async ({ input }: { input: { stateMachineArn: string; input: string } }) => {
          calls.push({ region, arn: input.stateMachineArn, input: JSON.parse(input.input) });
          return { executionArn: 'arn' };
        },
      }) as never,
    print: () => undefined,
  };
  await repair(operator as Operator, workload, { ...options, ...over });
  return calls;
};

describe('lifeboat repair', () => {
  it('starts the machine of the active site', async () => {
    expect(await started({}, 'orders', 'recovery')).toEqual([
      {
        region: 'us-west-2',
        arn: 'us-west-2:repair',
        input: {
          workload: 'orders',
          from: options.from,
          records: [{ table: 'orders', keys: [['client-17']] }],
          maxRows: 100,
          dryRun: false,
          reason: 'a bad record',
        },
      },
    ]);
    const [whole] = await started({ key: [], dryRun: true, reason: undefined });
    expect(whole!.input).toMatchObject({ records: [{ table: 'orders' }], dryRun: true });
  });

  it.each([
    [{ maxRows: 'many' }, 'orders', '--max-rows takes a whole number from 1'],
    [{ reason: undefined }, 'orders', '--reason is needed'],
    [{ key: ['["a", 1]'] }, 'orders', '--key ["a", 1]: give the value'],
    [{}, 'x', "no workload of environment 'demo-backup': x; known: orders"],
  ])('refuses %j of %s before anything happens', async (over, workload, message) => {
    await expect(started(over, workload)).rejects.toThrow(message);
  });

  it('takes keys of one and of several columns', () => {
    expect(parseKey('client-17')).toEqual(['client-17']);
    expect(parseKey('["client-17", "1"]')).toEqual(['client-17', '1']);
  });
});
