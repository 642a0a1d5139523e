import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NotReady } from '../../lambdas/kit/errors.ts';
import { OWN_NAMES_ONLY, Postgres, Remembered } from '../../lambdas/resources/postgres.ts';
import { inOneMoment, readContents, settleContents } from '../../lambdas/resources/postgres-contents.ts';
import { fenceBySql } from '../../lambdas/resources/postgres-fence.ts';
import { inspect, inspectMoment } from '../../lambdas/resources/postgres-integrity.ts';
import { closeLease, installLease, leaseStatus, prepareLease, removeLease, renewLease } from '../../lambdas/resources/postgres-lease.ts';
import { liveChecks } from '../../lambdas/resources/postgres-live-checks.ts';
import { findLostRows, readEndOfEpoch } from '../../lambdas/resources/postgres-lost-rows.ts';
import { inSteadyText, readDigests, readRecords, shapeOf, writeRecord } from '../../lambdas/resources/postgres-records.ts';
import { beat, hasReplayed, readStandby } from '../../lambdas/resources/postgres-writer.ts';
import { WorkloadDatabase } from './database.ts';

/** Fits better than PostgreSQL's own for two types that it would convert first; says who called it. */
const trap = (operator: string, left: string, right: string, returns: string, own: string): string => {
  const name = `trap_${Buffer.from(operator).toString('hex')}_${left}_${right}`;
  return `
    CREATE FUNCTION public.${name}(a ${left}, b ${right}) RETURNS ${returns} LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO public.caught VALUES (current_user, '${operator}'); RETURN ${own}; END $$;
    CREATE OPERATOR public.${operator} (LEFTARG = ${left}, RIGHTARG = ${right}, FUNCTION = public.${name});`;
};

const TRAPS = [
  trap('*', 'numeric', 'int', 'numeric', 'a OPERATOR(pg_catalog.*) b::numeric'),
  trap('*', 'float8', 'int', 'float8', 'a OPERATOR(pg_catalog.*) b::float8'),
  trap('/', 'int8', 'numeric', 'numeric', 'a::numeric OPERATOR(pg_catalog./) b'),
  trap('>', 'bigint', 'float8', 'boolean', 'a::float8 OPERATOR(pg_catalog.>) b'),
  trap('-', 'bigint', 'float8', 'float8', 'a::float8 OPERATOR(pg_catalog.-) b'),
];

/** What runs at a statement on a table of the workload's, and what a trigger's name may say. */
const HANDLERS = `
  CREATE FUNCTION public.steal() RETURNS int LANGUAGE sql AS $$ INSERT INTO public.caught VALUES (current_user, 'name'); SELECT 1 $$;
  CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM nextval('public.watched'); RETURN NULL; END $$;
  CREATE TABLE public.mine (id int PRIMARY KEY); GRANT SELECT ON public.mine TO lifeboat_admin;`;
const NAMED_TO_RUN = 'a" ON public.mine;SELECT public.steal()--';

let database: WorkloadDatabase;
let master: pg.Client;
/** A session as Lifeboat's functions open it. */
let own: pg.Client;

const caught = async (): Promise<unknown[]> => (await master.query('SELECT * FROM caught')).rows;

beforeAll(async () => {
  database = await WorkloadDatabase.start();
  master = await database.master();
  own = await database.master(database.primary, OWN_NAMES_ONLY);
  await master.query('CREATE TABLE caught (caller text, operator text); GRANT INSERT ON caught TO PUBLIC');
  // Counts also what is rolled back.
  await master.query('CREATE SEQUENCE watched; GRANT USAGE ON SEQUENCE watched TO PUBLIC');
  await master.query("INSERT INTO item VALUES (1, 'one'), (2, 'two')");
  const application = await database.application();
  for (const each of TRAPS) await application.query(each);
  await application.query(HANDLERS);
}, 60_000);
afterAll(() => database.stop(), 30_000);

describe('what the workload may make in public', () => {
  it('is called by a session that looks there: the traps are real', async () => {
    await beat(master, 1);
    expect(await caught()).toContainEqual({ caller: 'lifeboat_admin', operator: '*' });
    await master.query('TRUNCATE caught');
  });

  it('is never called as Lifeboat: not by the guard, not by the lease, not by the fence', async () => {
    await prepareLease(own);
    expect(await renewLease(own, 3, () => 60_000)).toBe('renewed');
    expect(await beat(own, 3)).toBeGreaterThan(0);
    expect(await installLease(own, { renewedWithinMs: 0, sleep: async () => {} })).toMatchObject({
      covered: 4,
      uncovered: [{ table: 'public.mine' }],
    });
    expect(await leaseStatus(own)).toMatchObject({ state: 'partial' });
    await master.query('CREATE TRIGGER a_first BEFORE DELETE ON item FOR EACH STATEMENT EXECUTE FUNCTION watch()');
    const application = await database.application();
    const trigger = `"${NAMED_TO_RUN.replaceAll('"', '""')}"`;
    await application.query(`CREATE TRIGGER ${trigger} BEFORE DELETE ON mine FOR EACH STATEMENT EXECUTE FUNCTION lifeboat.require_lease()`);
    expect(await readStandby(own)).toMatchObject({ inRecovery: false, heartbeatEpoch: 3 });
    expect(await hasReplayed(own, '0/0')).toBe(false);
    const fence = { epoch: 3, roles: ['orders_app'], sleep: async () => {}, name: 'orders' };
    expect((await fenceBySql(own, fence)).proof).toContain('a write was refused');
    expect(await closeLease(own, 2)).toBe('later epoch');
    expect((await master.query('SELECT is_called FROM watched')).rows).toEqual([{ is_called: false }]);
    await removeLease(own);
    expect(await leaseStatus(own)).toMatchObject({ state: 'absent' });
    expect(await caught()).toEqual([]);
    await master.query('DROP TRIGGER a_first ON item; ALTER ROLE orders_app LOGIN');
  });

  it('is never called as Lifeboat: not by a proof, a check, a comparison', async () => {
    const bounds = { until: Number.POSITIVE_INFINITY, now: Date.now };
    const contents = await settleContents(own, await readContents(own, bounds), bounds);
    const assertions = [{ name: 'items', sql: 'SELECT count(*) = 2 FROM item' }];
    const found = [
      ...(await inspect(own, contents, assertions)),
      ...(await inspectMoment(own, { moment: new Date().toISOString(), beatSeconds: 60 }, [])),
    ];
    expect(found.filter(({ verdict }) => verdict !== 'passed')).toEqual([]);
    const checks = liveChecks({ assertions, checksums: [], json: [{ table: 'item', column: 'note' }], pages: true });
    for (const check of checks) {
      const walk = await check.begin(own);
      for (let at = { relation: 0, block: 0 }; at; ) {
        const { finding, next } = await walk(at);
        if (check.name.startsWith('json')) expect(finding).toMatchObject({ verdict: 'failed' });
        else expect(finding, check.name).toMatchObject({ verdict: 'passed' });
        at = next!;
      }
    }
    const end = await readEndOfEpoch(own, 3);
    const snapshot = typeof end === 'string' ? undefined : end.snapshot;
    const other = await database.master(database.primary, OWN_NAMES_ONLY);
    expect(await findLostRows(own, other, { table: 'public.item', snapshot, take: async () => {} })).toMatchObject({ absent: 0 });
    const shape = await shapeOf(own, 'item');
    expect(await inOneMoment(own, () => readRecords(own, shape, [['1']]))).toHaveLength(1);
    expect(await readDigests(own, shape)).toHaveLength(2);
    // As a table's own trigger may be written.
    await master.query(`
      CREATE TABLE audit (id bigint); CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN INSERT INTO audit VALUES (NEW.id); RETURN NULL; END $$;
      CREATE TRIGGER keeps AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION keep()`);
    const written = { key: ['2'], values: ['2', 'changed'] };
    expect(await inSteadyText(own, 'READ WRITE', () => writeRecord(own, shape, 'update', written))).toBe(true);
    expect(await caught()).toEqual([]);
  });
});

it('the check in sessions of the workload asks PostgreSQL, whatever their search_path leads to', async () => {
  await prepareLease(own);
  expect(await renewLease(own, 7, () => 60_000)).toBe('renewed');
  await installLease(own, { renewedWithinMs: 0, sleep: async () => {} });
  const application = await database.application();
  await master.query('GRANT CREATE ON DATABASE orders TO orders_app');
  const always = ['bigint', 'float8'].map(
    (type) => `CREATE FUNCTION mine_alone.always(${type}, float8) RETURNS boolean LANGUAGE sql AS 'SELECT true';
      CREATE OPERATOR mine_alone.> (LEFTARG = ${type}, RIGHTARG = float8, FUNCTION = mine_alone.always);`,
  );
  await application.query(`CREATE SCHEMA mine_alone; ${always.join('')} SET search_path = mine_alone, pg_catalog, public`);
  await application.query("INSERT INTO item VALUES (70, 'while the lease lives')");
  expect(await closeLease(own, 7)).toBe('closed');
  await expect(application.query("INSERT INTO item VALUES (71, 'after it')")).rejects.toMatchObject({ code: 'LB001' });
  await removeLease(own);
});

describe('a schema lifeboat', () => {
  const open = async () => {
    const login = new Remembered<{ username: string; password: string }>();
    await login.read(async () => ({ username: 'lifeboat_admin', password: 'correct-horse' }));
    const host = async () => '127.0.0.1';
    const { port } = database.primary;
    const postgres = new Postgres({ host, port, databaseName: 'orders', secret: 'none', tls: false, login });
    return postgres.with((client) => beat(client, 5));
  };

  it('that Lifeboat has made is used', async () => {
    expect(await open()).toBeGreaterThan(0);
  });

  it('that one of the workload has made is refused: its triggers would run as Lifeboat', async () => {
    await master.query('DROP SCHEMA lifeboat CASCADE; GRANT CREATE ON DATABASE orders TO orders_app');
    const application = await database.application();
    await application.query('CREATE SCHEMA lifeboat');
    await expect(open()).rejects.toThrow(NotReady);
    await application.query('DROP SCHEMA lifeboat');
    expect(await open()).toBeGreaterThan(0);
  });
});
