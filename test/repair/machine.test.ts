import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import { askRepairApproval } from '../../lambdas/repair/ask-repair-approval.ts';
import { closeRepair } from '../../lambdas/repair/close-repair.ts';
import { readRepairRequest } from '../../lambdas/repair/read-repair-request.ts';
import type { RepairRequest } from '../../lambdas/repair/repairing.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const from = 'lifeboat-demo-backup-restored-1';
const records = [{ table: 'orders', keys: [['client-17']] }];
const primary = (lease = leaseOf()) => baseFor(lease, { plan: demo, site: 'primary', region: 'us-east-1' });

describe('the request of a repair', () => {
  const execution = { name: 'repair-1', startedAt: new Date(NOW).toISOString() };
  const read = (given: object, base = primary()) => readRepairRequest.run({ execution, given }, base);

  it('travels on with its defaults', async () => {
    expect(await read({ workload: 'orders', from, records, reason: 'a bad record' })).toEqual({
      workload: 'orders',
      request: { incident: 'repair-1', dryRun: false, reason: 'a bad record', database: 'orders', from, records, maxRows: 100 },
    });
  });

  it.each([
    [{ from, records }, 'workload: '],
    [{ workload: 'x', from, records, reason: 'r' }, "workload 'x' is unknown"],
    [{ workload: 'orders', database: 'x', from, records, reason: 'r' }, 'database: name one of orders'],
    [{ workload: 'orders', from: 'orders-primary', records, reason: 'r' }, 'from: give the instance that a restore beside has made'],
    [{ workload: 'orders', from, records }, 'reason: give one'],
    [{ workload: 'orders', from, records: [], reason: 'r' }, 'records: '],
    [{ workload: 'orders', from, records: [{ table: 'orders; --' }], reason: 'r' }, 'records.0.table: '],
    [{ workload: 'orders', from, records, reason: 'r', maxRows: 5_000 }, 'maxRows: '],
    [{ workload: 'orders', from, records, reason: 'r', force: true }, 'force'],
  ])('is refused: %j', async (given, message) => {
    await expect(read(given)).rejects.toThrow(message);
    await expect(read(given)).rejects.toThrow(InvalidRequest);
  });

  it('is refused where the workload is not active', async () => {
    const elsewhere = primary(leaseOf({ holder: 'recovery' }));
    await expect(read({ workload: 'orders', from, records, reason: 'r' }, elsewhere)).rejects.toThrow("is active in site 'recovery'");
  });
});

const request: RepairRequest = { incident: 'repair-1', dryRun: false, reason: 'r', database: 'orders', from, records, maxRows: 100 };
const diff = { changes: 1, object: 'repairs/orders/repair-1.json', sha256: 'x', summary: [{ table: 'orders', updates: 1 }] };

describe('asking for approval', () => {
  it('keeps the token in the ledger, and tells how to answer', async () => {
    const base = primary();
    const told: unknown[] = [];
    const tell = async (...words: unknown[]) => void told.push(words);
    await askRepairApproval.run({ workload: 'orders', request, token: 'the-token', diff }, { ...base, tell });
    const holders = [...base.memory.items].filter(([, item]) => JSON.stringify(item).includes('the-token')).map(([key]) => key);
    expect(holders).toEqual(['incident#repair-1/#question#orders']);
    expect(JSON.stringify(told)).toContain('npx lifeboat approve repair-1 --workload orders --env demo-backup --region us-east-1');
    expect(JSON.stringify(told)).not.toContain('the-token');
  });
});

describe('the end of a repair', () => {
  const close = async (outcome: object, over: Partial<RepairRequest> = {}) => {
    const base = primary();
    const told: string[] = [];
    const saved: unknown[] = [];
    const common = { mode: 'repair', trigger: 'person', from: 'primary', to: 'primary', outcome: 'running', epoch: 3 } as const;
    const openedAt = new Date(NOW).toISOString();
    await base.incidents.open({ ...common, incident: 'repair-1', workload: 'orders', execution: 'repair-1', reason: 'r', openedAt });
    const services = {
      ...base,
      tell: async (subject: string) => void told.push(subject),
      save: async (record: unknown) => String(saved.push(record)),
    };
    const parsed = closeRepair.input.shape.outcome.parse(outcome);
    const output = await closeRepair.run({ workload: 'orders', request: { ...request, ...over }, outcome: parsed }, services);
    return { output, told, saved, incident: await base.incidents.find('repair-1', 'orders') };
  };

  it('is recorded and told, with what was carried over', async () => {
    const { output, told, saved, incident } = await close({ diff, applied: { carriedOver: 1, already: false } });
    expect(output).toMatchObject({ succeeded: true, changes: 1, carriedOver: 1 });
    expect(told).toEqual(['orders: 1 rows repaired']);
    expect(saved).toHaveLength(1);
    expect(incident).toMatchObject({ outcome: 'recovered' });
  });

  it('that failed has not succeeded, whatever came before', async () => {
    const { output, told, incident } = await close({ diff, failure: { Error: 'RepairRefused', Cause: 'moved' } });
    expect(output).toMatchObject({ succeeded: false, carriedOver: 0, detail: 'RepairRefused: moved', cause: 'RepairRefused: moved' });
    expect(told).toEqual(['orders: a repair did not end well']);
    expect(incident).toMatchObject({ outcome: 'aborted' });
  });

  it('that failed says why in the words of the step, in a dry run too', async () => {
    const Cause = JSON.stringify({ errorType: 'InvalidRequest', errorMessage: `records: ${'x'.repeat(400)}`, trace: ['at'] });
    const { output } = await close({ failure: { Error: 'InvalidRequest', Cause } }, { dryRun: true });
    expect(output).toMatchObject({ succeeded: false, cause: `InvalidRequest: records: ${'x'.repeat(400)}` });
  });

  it('of a dry run is told to nobody', async () => {
    const { output, told, saved } = await close({ diff, applied: { would: 'x', carriedOver: 0 } }, { dryRun: true });
    expect(output).toMatchObject({ succeeded: true, dryRun: true, changes: 1 });
    expect([told, saved]).toEqual([[], []]);
  });
});
