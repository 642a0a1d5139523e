import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import demo from '../../environments/demo-backup.ts';
import { IncidentInProgress, InvalidRequest, NotReady, RepairRefused } from '../../lambdas/kit/errors.ts';
import { applyRepair } from '../../lambdas/repair/apply-repair.ts';
import { compareRecords } from '../../lambdas/repair/compare-records.ts';
import type { Diff, RepairRequest } from '../../lambdas/repair/repairing.ts';
import type { Instance } from '../../lambdas/resources/rds-instances.ts';
import { baseFor, leaseOf } from '../kit/services.ts';
import { WorkloadDatabase } from '../resources/database.ts';

const SECRET = 'known-to-the-customer-alone';
const request: RepairRequest = {
  incident: 'run-1',
  dryRun: false,
  reason: 'test',
  database: 'orders',
  from: 'lifeboat-demo-backup-restored-1',
  records: [{ table: 'account', keys: [['2'], ['3'], ['4'], ['9']] }],
  maxRows: 100,
};

describe('a repair of records from a copy', () => {
  let database: WorkloadDatabase;
  let live: pg.Client;
  let copy: pg.Client;

  beforeAll(async () => {
    database = await WorkloadDatabase.start();
    live = await database.master();
    await live.query(`
      CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner text, rate float8, tags text[], paper json, raw bytea,
        at timestamptz, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
      INSERT INTO account (owner, rate, tags, paper, raw, at)
        SELECT '${SECRET} ' || n, n / 3.0, ARRAY['a', NULL, '"'], '{"b":  1, "a": [null]}', decode('00ff', 'hex'), '2026-11-01 10:00:00.123456+02' FROM generate_series(1, 8) n;
      CREATE TABLE part (account bigint REFERENCES account (id), line int, n numeric, PRIMARY KEY (account, line));
      INSERT INTO part SELECT n, 1, n FROM generate_series(1, 8) n`);
    const standby = await database.standby();
    await database.promote(standby);
    copy = await database.master(standby);
  }, 60_000);
  afterAll(() => database.stop(), 30_000);

  const exact = 'SELECT id, md5(account::text) AS text, paper::text FROM account ORDER BY id';
  const rows = async (client: pg.Client) => (await client.query(exact)).rows;

  beforeEach(async () => {
    // As the copy is, but for two rows that are wrong, one that is gone and one that is newer.
    await live.query('TRUNCATE account CASCADE');
    await live.query(`INSERT INTO account (id, owner, rate, tags, paper, raw, at) OVERRIDING SYSTEM VALUE
      SELECT n, '${SECRET} ' || n, n / 3.0, ARRAY['a', NULL, '"'], '{"b":  1, "a": [null]}', decode('00ff', 'hex'), '2026-11-01 10:00:00.123456+02' FROM generate_series(1, 8) n`);
    await live.query('INSERT INTO part SELECT n, 1, n FROM generate_series(1, 8) n WHERE n <> 4');
    await live.query(`UPDATE account SET owner = 'wrong', rate = NULL WHERE id = 2; UPDATE account SET paper = NULL, tags = '{}' WHERE id = 3; DELETE FROM account WHERE id = 4;
      INSERT INTO account (id, owner) OVERRIDING SYSTEM VALUE VALUES (9, 'newer')`);
  });

  const given = () => {
    const base = baseFor(leaseOf({ holder: 'primary' }), { plan: demo, site: 'primary', region: 'us-east-1' });
    const instance = (id: string, tags: Record<string, string> = {}): [string, Instance] => [
      id,
      { id, arn: id, status: 'available', host: id, tags, settings: {} },
    ];
    const kept = new Map<string, Diff>();
    return {
      ...base,
      kept,
      instances: {
        list: async () => new Map([instance('orders-primary'), instance(request.from, { 'lifeboat:environment': 'demo-backup' })]),
      },
      evidence: {
        save: async (key: string, document: unknown) => {
          kept.set(key, structuredClone(document) as Diff);
          return { key, sha256: 'digest' };
        },
        load: async <T>(key: string) => structuredClone(kept.get(key)) as T,
      },
      connect: ({ host }: { host: () => Promise<string> }) => ({
        with: async <T>(work: (client: pg.Client) => Promise<T>) => work((await host()) === 'orders-primary' ? live : copy),
      }),
    };
  };
  type Given = ReturnType<typeof given>;
  const compare = (services: Given, over: Partial<RepairRequest> = {}) =>
    compareRecords.run({ workload: 'orders', request: { ...request, ...over } }, services as never);
  const apply = async (services: Given, over: Partial<RepairRequest> = {}) =>
    applyRepair.run({ workload: 'orders', request: { ...request, ...over }, diff: await compare(services, over) }, services as never);

  it('shows counts, keys and columns; the values are in the evidence alone', async () => {
    const services = given();
    const { changes, summary, object } = await compare(services);
    expect({ changes, object }).toEqual({ changes: 3, object: 'repairs/orders/run-1.json' });
    expect(summary).toEqual([
      {
        table: 'account',
        updates: 2,
        inserts: 1,
        onlyLive: 1,
        nowhere: 0,
        nowhereKeys: [],
        rows: [
          { key: ['2'], action: 'update', columns: ['owner', 'rate'] },
          { key: ['3'], action: 'update', columns: ['tags', 'paper'] },
          { key: ['4'], action: 'insert', columns: ['id', 'owner', 'rate', 'tags', 'paper', 'raw', 'at'] },
        ],
      },
    ]);
    expect(JSON.stringify([...services.memory.items])).not.toMatch(/wrong|known-to/);
    const [table] = services.kept.get('repairs/orders/run-1.json')!.tables;
    expect(table!.rows[0]).toMatchObject({ live: expect.arrayContaining(['wrong']), copy: expect.arrayContaining([`${SECRET} 2`]) });
  });

  it('says which keys it found nowhere, and goes on with the others', async () => {
    const named = await compare(given(), { records: [{ table: 'account', keys: [['2'], ['77']] }] });
    expect(named).toMatchObject({ changes: 1, summary: [{ updates: 1, nowhere: 1, nowhereKeys: [['77']] }] });
    const none = await compare(given(), { records: [{ table: 'account', keys: [['77']] }, { table: 'part' }] });
    expect(none.summary).toMatchObject([{ nowhereKeys: [['77']] }, { inserts: 1, nowhere: 0 }]);
  });

  it('carries them over exactly, leaves all others, and says so when it is done already', async () => {
    const services = given();
    const diff = await compare(services);
    const run = { workload: 'orders', request, diff };
    expect(await applyRepair.run(run, services as never)).toEqual({ carriedOver: 3, already: false });
    expect((await rows(live)).slice(0, 8)).toEqual(await rows(copy));
    expect((await live.query('SELECT owner FROM account WHERE id = 9')).rows).toEqual([{ owner: 'newer' }]);
    expect(await applyRepair.run(run, services as never)).toEqual({ carriedOver: 3, already: true });
    expect(services.memory.current?.claim).toBeUndefined();
    expect((await compare(services)).changes).toBe(0);
  });

  it('changes nothing when one row is another one than the diff showed', async () => {
    const services = given();
    const diff = await compare(services);
    const before = await rows(live);
    await live.query("UPDATE account SET owner = 'meanwhile' WHERE id = 3");
    await expect(applyRepair.run({ workload: 'orders', request, diff }, services as never)).rejects.toThrow(
      /^1 of 3 rows are not what the diff showed any more, the first: account \["3"\]/,
    );
    expect((await rows(live))[1]).toEqual(before[1]);
    await live.query("INSERT INTO account (id, owner) OVERRIDING SYSTEM VALUE VALUES (4, 'again')");
    await expect(applyRepair.run({ workload: 'orders', request, diff }, services as never)).rejects.toThrow(/^2 of 3 rows/);
  });

  it('compares a whole table, in the order that references need', async () => {
    const services = given();
    const over = { records: [{ table: 'account' }, { table: 'public.part' }] };
    const { summary } = await compare(services, over);
    expect(summary).toMatchObject([
      { updates: 2, inserts: 1, onlyLive: 1 },
      { table: 'part', updates: 0, inserts: 1, rows: [{ key: ['4', '1'] }] },
    ]);
    expect(await apply(services, over)).toMatchObject({ carriedOver: 4 });
    expect((await live.query('SELECT count(*)::int AS n FROM part')).rows[0].n).toBe(8);
  });

  it('commits nothing when its time is over, though all is written: its claim may end', async () => {
    const services = given();
    const diff = await compare(services);
    const before = await rows(live);
    let looks = 0;
    const connect = (options: Parameters<typeof services.connect>[0]) => {
      looks = 0;
      return services.connect(options);
    };
    const now = () => services.now() + (++looks > 7 ? 60_000 : 0); // once to begin, three rows locked, three written
    const late = { ...services, connect, now };
    await expect(applyRepair.run({ workload: 'orders', request, diff }, late as never)).rejects.toThrow(/took too long/);
    expect(await rows(live)).toEqual(before);
  });

  it('is all or nothing when the database refuses a row, and quotes no value', async () => {
    const services = given();
    const before = await rows(live);
    await live.query('ALTER TABLE account ADD CONSTRAINT no_owner CHECK (id <> 4 OR owner IS NULL)');
    try {
      await expect(apply(services)).rejects.toThrow(new RepairRefused('the database refuses a row: SQLSTATE 23514, no_owner'));
      expect(await rows(live)).toEqual(before);
    } finally {
      await live.query('ALTER TABLE account DROP CONSTRAINT no_owner');
    }
  });

  it('refuses what a trigger would make of it', async () => {
    const services = given();
    await live.query(`CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.owner := ''spoilt''; RETURN NEW; END';
      CREATE TRIGGER spoil BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION spoil()`);
    try {
      await expect(apply(services)).rejects.toThrow('2 rows did not become what the copy has');
      expect((await live.query('SELECT owner FROM account WHERE id = 2')).rows).toEqual([{ owner: 'wrong' }]);
    } finally {
      await live.query('DROP FUNCTION spoil CASCADE');
    }
  });

  it('waits for a row that somebody else has locked', async () => {
    const services = given();
    const other = await database.master();
    await other.query('BEGIN; SELECT 1 FROM account WHERE id = 2 FOR UPDATE');
    await expect(apply(services)).rejects.toThrow(NotReady);
    await other.query('ROLLBACK');
    expect(await apply(services)).toMatchObject({ carriedOver: 3 });
  }, 30_000);

  it('works under the claim of nobody else, and only where the workload is active', async () => {
    const services = given();
    services.memory.current!.claim = {
      site: 'recovery',
      incident: 'x',
      execution: 'x',
      mode: 'failover',
      expiresAt: services.now() + 1_000,
    };
    await expect(apply(services)).rejects.toThrow(IncidentInProgress);
    services.memory.current = leaseOf({ holder: 'recovery' });
    await expect(apply(services)).rejects.toThrow(RepairRefused);
    expect((await live.query('SELECT owner FROM account WHERE id = 2')).rows).toEqual([{ owner: 'wrong' }]);
  });

  it('writes nothing in a dry run, neither rows nor evidence nor an incident', async () => {
    const services = given();
    const before = await rows(live);
    expect(await apply(services, { dryRun: true })).toEqual({ would: `carry 3 rows over from ${request.from}`, carriedOver: 0 });
    expect(await rows(live)).toEqual(before);
    expect(services.kept.size).toBe(0);
    expect(services.memory.writes).toEqual([]);
  });

  it.each([
    [{ maxRows: 2 }, 'maxRows: 3 rows differ and 2 were allowed'],
    [{ maxRows: 2, records: [{ table: 'account' }] }, 'maxRows: 3 rows differ and 2 were allowed'],
    [{ records: [{ table: 'nowhere' }] }, "records: there is no table 'nowhere'"],
    [{ records: [{ table: 'part', keys: [['1']] }] }, "records: a key of 'part' is (account, line), not 1 values"],
    [
      {
        records: [
          { table: 'account', keys: [['77'], ['78']] },
          { table: 'part', keys: [['1', '7']] },
        ],
      },
      'records: neither database has account ["77"], account ["78"], part ["1","7"]',
    ],
    [{ from: 'orders-primary' }, "from: there is no restored instance 'orders-primary'"],
  ])('refuses %j', async (over, message) => {
    await expect(compare(given(), over)).rejects.toThrow(message);
    await expect(compare(given(), over)).rejects.toThrow(InvalidRequest);
  });

  it('refuses a table that is another one in the copy', async () => {
    await live.query('ALTER TABLE part ADD extra int');
    await expect(compare(given(), { records: [{ table: 'part' }] })).rejects.toThrow("records: 'part' has other columns");
    await live.query('ALTER TABLE part DROP extra');
  });
});
