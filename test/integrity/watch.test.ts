import { describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { checkIntegrity } from '../../lambdas/integrity/check-integrity.ts';
import { CheckRecords, newRecord } from '../../lambdas/integrity/check-records.ts';
import { restoreOffer } from '../../lambdas/integrity/offer.ts';
import { watchIntegrity } from '../../lambdas/integrity/watch-integrity.ts';
import { InvalidRequest } from '../../lambdas/kit/errors.ts';
import type { Datum } from '../../lambdas/kit/metrics.ts';
import type { Instance } from '../../lambdas/resources/rds-instances.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const orders = { workload: 'orders', database: 'orders' };
const MINUTE_MS = 60_000;

/** A database whose rows are bad where the text says it. */
class FakeDatabase {
  standby = true;
  at: Date | null = new Date(NOW - 2_000);
  badKeys: string[] = [];
  locked = false;
  readonly asked: string[] = [];
  query = async (given: string | { text: string }) => {
    const text = typeof given === 'string' ? given : given.text;
    this.asked.push(text);
    if (text.includes('pg_last_xact_replay_timestamp')) return { rows: [{ standby: this.standby, at: this.at }] };
    if (text.includes('pg_try_advisory_lock')) return { rows: [{ got: !this.locked }] };
    if (text.includes('pg_partition_tree')) return { rows: [{ oid: 7, name: 'orders', blocks: 3, index: false }] };
    if (text.includes('json_build_array')) return { rows: text.includes('md5') ? this.badKeys.map((key) => ({ key })) : [] };
    if (text.includes('NOT EXISTS')) return { rows: [{ ok: true }], fields: [{ name: 'ok' }] };
    if (text.includes('extname')) return { rows: [] };
    return { rows: [{ name: 'id' }] };
  };
}

const given = (site: 'primary' | 'recovery' = 'recovery') => {
  const base = baseFor(leaseOf(), { plan: demo, site });
  const database = new FakeDatabase();
  database.standby = site === 'recovery';
  const instance = (id: string): [string, Instance] => [id, { id, arn: id, status: 'available', host: id, tags: {}, settings: {} }];
  const told: { subject: string; facts: Record<string, unknown> }[] = [];
  const hosts: string[] = [];
  return {
    ...base,
    database,
    told,
    hosts,
    records: new CheckRecords(base.ledger),
    instances: { list: async () => new Map([instance('orders-primary'), instance('orders-replica')]) },
    tell: async (subject: string, facts: Record<string, unknown>) => void told.push({ subject, facts }),
    connect: ({ host }: { host: () => Promise<string> }) => ({
      with: async <T>(work: (client: never) => Promise<T>) => {
        hosts.push(await host());
        return work(database as never);
      },
    }),
  };
};
const schedule = { schedule: 'rate(1 minute)', timeZone: 'UTC' };

describe('a round of checks', () => {
  it('reads rows in the standby, and pages in each site', async () => {
    const standby = given();
    await checkIntegrity.run(schedule, standby as never);
    expect(standby.hosts).toEqual(['orders-replica']);
    expect([...(await standby.records.list(orders)).keys()].sort()).toEqual([
      'assertion every-order-has-its-line',
      'checksum orders.checksum',
      'json orders.details',
      'pages in recovery',
    ]);
    const active = given('primary');
    await checkIntegrity.run(schedule, active as never);
    expect([...(await active.records.list(orders)).keys()]).toEqual(['pages in primary']);
  });

  it('tells of a failure once, with the time at which it was good and the restore to it', async () => {
    const services = given();
    await checkIntegrity.run(schedule, services as never);
    services.database.badKeys = ['["client-17"]'];
    await checkIntegrity.run(schedule, services as never);
    await checkIntegrity.run(schedule, services as never);
    const good = new Date(NOW - 2_000).toISOString();
    expect(services.told).toEqual([
      {
        subject: 'orders: checksum orders.checksum failed',
        facts: {
          ...orders,
          site: 'recovery',
          check: 'checksum orders.checksum',
          detail: '1 rows of orders, by their keys ["client-17"]',
          lastPassedAt: good,
          restore: {
            command: `npx lifeboat restore orders --database orders --at ${good} --reason "integrity: checksum orders.checksum failed" --env demo-backup`,
            machine: 'lifeboat-demo-backup-restore',
            input: { ...orders, target: { at: good }, reason: 'integrity: checksum orders.checksum failed' },
          },
        },
      },
    ]);
  });

  it('says nothing of a database that is not what its site should have', async () => {
    const services = given();
    services.database.standby = false;
    const { rounds } = await checkIntegrity.run(schedule, services as never);
    expect(rounds['orders/orders']).toContain('is a writer in the standby site');
    services.database.standby = true;
    services.database.locked = true;
    expect((await checkIntegrity.run(schedule, services as never)).rounds['orders/orders']).toBe('another round is under way');
    expect((await services.records.list(orders)).size).toBe(0);
  });

  it('is for the databases of its schedule', async () => {
    const services = given();
    expect(await checkIntegrity.run({ ...schedule, schedule: 'rate(5 minutes)' }, services as never)).toEqual({ rounds: {}, later: 0 });
    expect(services.hosts).toEqual([]);
  });

  it.each([
    [{ workload: 'billing' }, "workload: 'billing' is not watched; watched, as workload/database: orders/orders"],
    [{ database: 'odrers' }, "database: 'odrers' is not watched"],
    [{ workload: 'orders', database: 'odrers' }, "database: 'odrers' is not watched"],
  ])('over what nobody watches is refused: %j', async (asked, message) => {
    const services = given();
    await expect(checkIntegrity.run(asked, services as never)).rejects.toThrow(message);
    await expect(checkIntegrity.run(asked, services as never)).rejects.toThrow(InvalidRequest);
    expect((await checkIntegrity.run(orders, services as never)).rounds).toHaveProperty('orders/orders');
  });

  it('offers no time that nobody knows', () => {
    expect(restoreOffer('demo', orders, newRecord('pages in primary', NOW))).toBeUndefined();
  });
});

describe('the watch', () => {
  const look = async (services: ReturnType<typeof given>, now = NOW) => {
    const data: Datum[] = [];
    await watchIntegrity.run({}, { ...services, now: () => now, put: async (put: readonly Datum[]) => void data.push(...put) } as never);
    return Object.fromEntries(data.map(({ name, value }) => [name, value]));
  };
  const allowed = demo.workloads[0]!.databases[0]!.integrity!.overdueAfterMinutes * MINUTE_MS;

  it('counts what has failed; what could not run is never among it, but overdue in the end', async () => {
    const services = given();
    await look(services);
    const concluded = { lastConcludedAt: new Date(NOW).toISOString() };
    await services.records.save(orders, { ...newRecord('checksum orders.checksum', NOW), verdict: 'failed', ...concluded });
    await services.records.save(orders, { ...newRecord('json orders.details', NOW), verdict: 'unknown' });
    const soon = await look(services, NOW + MINUTE_MS);
    expect(soon.IntegrityFailed).toBe(1);
    expect(soon.IntegrityOverdue).toBeLessThan(1);
    expect((await look(services, NOW + allowed + 2_000)).IntegrityOverdue).toBe(2);
  });

  it('counts what failed and was mended between two looks, for two minutes', async () => {
    const services = given();
    await look(services);
    const failedAt = new Date(NOW).toISOString();
    const mended = { verdict: 'passed' as const, lastFailedAt: failedAt, lastConcludedAt: failedAt };
    await services.records.save(orders, { ...newRecord('checksum orders.checksum', NOW), ...mended });
    expect((await look(services, NOW + 119_000)).IntegrityFailed).toBe(1);
    expect((await look(services, NOW + 121_000)).IntegrityFailed).toBe(0);
  });

  it('waits for a check from when it was first known, and only for those of its own site', async () => {
    const services = given('primary');
    await services.records.save(orders, { ...newRecord('checksum orders.checksum', NOW - 10 * allowed), verdict: 'failed' });
    const data = await look(services);
    expect(data.IntegrityFailed).toBe(0);
    expect(data.IntegrityOverdue).toBeLessThan(1);
    expect((await look(services, NOW + allowed + 5_000)).IntegrityOverdue).toBe(5);
  });

  it('puts nothing where it cannot read', async () => {
    const services = { ...given(), records: { list: async () => Promise.reject(new Error('not now')) } };
    await expect(look(services as never)).rejects.toThrow('not now');
  });
});
