import { describe, expect, it } from 'vitest';
import { backupPolicy } from '../../environments/backup.ts';
import demo from '../../environments/demo-backup.ts';
import { POINTS_PER_RUN } from '../../environments/run-size.ts';
import type { SiteName } from '../../lambdas/kit/plan.ts';
import { provenIn, type RecoveryPoint, RecoveryPoints } from '../../lambdas/kit/recovery-points.ts';
import { overdueSeconds, type Proof, Proofs, unprovenIn } from '../../lambdas/verification/proofs.ts';
import { readVerificationRequest } from '../../lambdas/verification/read-verification-request.ts';
import { recordVerification } from '../../lambdas/verification/record-verification.ts';
import { startVerification } from '../../lambdas/verification/start-verification.ts';
import { baseFor, leaseOf, NOW } from '../kit/services.ts';

const HOUR_MS = 3_600_000;
const DAY_S = 86_400;
const hoursAgo = (hours: number): string => new Date(NOW - hours * HOUR_MS).toISOString();

const pointAt = (hours: number, over: Partial<RecoveryPoint> = {}): RecoveryPoint => {
  const dueAt = hoursAgo(hours);
  const copyIn = (site: SiteName) => ({ site, region: site, arn: site, completedAt: dueAt, encrypted: true });
  return {
    id: `p-${hours}`,
    workload: 'orders',
    database: 'orders',
    tier: 'six-hourly',
    dueAt,
    instance: 'i',
    engine: 'postgres',
    engineVersion: '18.4',
    allocatedGb: 20,
    standing: 'unverified',
    copies: [copyIn('primary'), copyIn('recovery')],
    ...over,
  };
};

const siteOf = (site: SiteName) => {
  const base = baseFor(leaseOf(), { plan: demo, site, region: site === 'primary' ? 'us-east-1' : 'us-west-2' });
  // DynamoDB answers in the order of the sort key; newest first is asked for.
  const listed = base.ledger.list.bind(base.ledger);
  const newestFirst = async (pk: string) => (await listed(pk)).sort((a, b) => (String(a.dueAt) < String(b.dueAt) ? 1 : -1));
  Object.assign(base.ledger, { list: newestFirst });
  const points = new RecoveryPoints(base.ledger);
  const proofs = new Proofs(base.ledger);
  const add = async (point: RecoveryPoint) => {
    await points.record(point);
    const { standing, provenInPrimaryAt, provenInRecoveryAt } = point;
    await points.note(point, { standing, provenInPrimaryAt, provenInRecoveryAt });
  };
  return { ...base, points, proofs, add, tell: async () => {}, put: async () => {} };
};

const execution = { name: 'by-hand', startedAt: new Date(NOW).toISOString() };
const choose = async (site: SiteName, given: object, known: readonly RecoveryPoint[]) => {
  const services = siteOf(site);
  for (const point of known) await services.add(point);
  return (await readVerificationRequest.run({ execution, given }, services)).points.map(({ id, proof }) => `${id} ${proof ?? 'by hand'}`);
};

describe('what is proven', () => {
  const known = [
    pointAt(3),
    pointAt(9, provenIn('recovery', hoursAgo(4))),
    pointAt(15, { standing: 'failed' }),
    pointAt(21),
    pointAt(24 * 9),
  ];

  it('daily is each new recovery point in the active site, and the newest one in the other', async () => {
    expect(await choose('primary', { proof: 'daily' }, known)).toEqual(['p-3 daily', 'p-9 daily', 'p-21 daily']);
    expect(await choose('recovery', { proof: 'daily' }, known)).toEqual(['p-3 daily']);
    expect(await choose('recovery', { proof: 'daily' }, known.slice(1))).toEqual([]);
  });

  it('weekly and monthly is the newest one that may be usable, whatever was proven of it', async () => {
    const proven = pointAt(1, { standing: 'verified', ...provenIn('primary', hoursAgo(0)) });
    expect(await choose('primary', { proof: 'weekly' }, [proven, ...known])).toEqual(['p-1 weekly']);
    expect(await choose('recovery', { proof: 'monthly' }, [pointAt(1, { standing: 'failed' }), ...known])).toEqual(['p-3 monthly']);
  });

  describe('of more databases than a run takes', () => {
    const names = Array.from({ length: POINTS_PER_RUN + 2 }, (_, i) => `orders-${i}`);
    const [workload] = demo.workloads;
    const plan = { ...demo, workloads: [{ ...workload!, databases: names.map((name) => ({ ...workload!.databases[0]!, name })) }] };
    const late = names.slice(-2);
    const firstOf = async (services: ReturnType<typeof siteOf>, given: object) =>
      (await readVerificationRequest.run({ execution, given }, { ...services, plan })).points.map(({ database }) => database);

    it.each(
      (['passed', 'unknown'] as const).flatMap((verdict) => [
        [{}, verdict, false] as const,
        [{ proof: 'daily' }, verdict, false] as const,
        [{ proof: 'weekly' }, verdict, true] as const,
        [{ proof: 'monthly' }, verdict, true] as const,
      ]),
    )('%j leaves what does not fit to the next run, which begins with it, where the first were %s', async (given, verdict, rare) => {
      const services = siteOf('recovery');
      for (const database of names) await services.add(pointAt(3, { database, id: `${database}-3` }));
      const first = await firstOf(services, given);
      expect(first).toEqual(names.slice(0, POINTS_PER_RUN));
      const prove = (database: string, by: object) => {
        const point = { id: `${database}-3`, workload: 'orders', database, dueAt: hoursAgo(3), ...by };
        const outcome = { inspected: { checks: [{ check: 'c', verdict }] } };
        return recordVerification.run({ run: 'run-1', point, outcome }, { ...services, plan });
      };
      for (const database of first) await prove(database, given);
      // A daily proof does not put off the full restore.
      if (rare) for (const database of late) await prove(database, { proof: 'daily' });
      // A new one of each: those that were proven are unproven again, and wait their turn.
      for (const database of names) await services.add(pointAt(1, { database, id: `${database}-1` }));
      const next = await firstOf(services, given);
      expect(next).toHaveLength(POINTS_PER_RUN);
      expect(next.slice(0, 2)).toEqual(late);
    });
  });

  it('by hand is the newest that did not fail and is not proven here', async () => {
    expect(await choose('recovery', {}, known)).toEqual(['p-3 by hand']);
    expect(await choose('recovery', {}, known.slice(1))).toEqual(['p-21 by hand']);
    expect(await choose('primary', {}, known.slice(1))).toEqual(['p-9 by hand']);
    const failed = pointAt(1, { standing: 'failed' });
    expect(await choose('primary', {}, [failed, ...known])).toEqual(['p-3 by hand']);
    expect(await choose('recovery', { proof: 'daily' }, [failed, ...known])).toEqual(['p-3 daily']);
    expect(await choose('recovery', {}, [failed, pointAt(9, provenIn('recovery', hoursAgo(4)))])).toEqual([]);
  });

  it('is at most as much as one run has room for, the newest of each database first', async () => {
    const many = Array.from({ length: 150 }, (_, i) => pointAt(i + 1));
    const chosen = await choose('primary', { proof: 'daily' }, many);
    expect(chosen).toHaveLength(POINTS_PER_RUN);
    expect(chosen[0]).toBe('p-1 daily');
  });
});

describe('a proof', () => {
  const reference = { id: 'p-3', workload: 'orders', database: 'orders', dueAt: hoursAgo(3) };
  const outcome = (verdict: 'passed' | 'unknown') => ({ inspected: { checks: [{ check: 'c', verdict }] } });

  it('is kept with its schedule when all checks passed; otherwise that it was tried, beside the last that passed', async () => {
    const services = siteOf('primary');
    await services.add(pointAt(3));
    await recordVerification.run({ run: 'r', point: { ...reference, proof: 'weekly' }, outcome: outcome('unknown') }, services);
    const [tried] = await services.proofs.list('orders', 'orders');
    expect([tried?.triedAt, tried?.at]).toEqual([hoursAgo(0), undefined]);
    expect(unprovenIn(await services.points.list('orders', 'orders'), 'primary', NOW)).toHaveLength(1);
    await recordVerification.run({ run: 'r', point: { ...reference, proof: 'weekly' }, outcome: outcome('passed') }, services);
    expect(await services.proofs.list('orders', 'orders')).toMatchObject([{ proof: 'weekly', at: hoursAgo(0), point: 'p-3' }]);
    const [point] = await services.points.list('orders', 'orders');
    expect(point).toMatchObject({ standing: 'verified', provenInPrimaryAt: hoursAgo(0) });
    expect(unprovenIn([point!], 'primary', NOW)).toEqual([]);
    expect(unprovenIn([point!], 'recovery', NOW)).toEqual([point]);
    services.now = () => NOW + HOUR_MS;
    await recordVerification.run({ run: 'r2', point: { ...reference, proof: 'weekly' }, outcome: outcome('unknown') }, services);
    expect(await services.proofs.list('orders', 'orders')).toMatchObject([{ at: hoursAgo(0), run: 'r', triedAt: hoursAgo(-1) }]);
  });
});

describe('a proof that does not come', () => {
  const policy = backupPolicy.parse({});
  const moment = { now: NOW, since: NOW - 100 * 24 * HOUR_MS, site: 'primary' as const };
  /** Two restores and grace. */
  const SLACK_S = 4.25 * 3_600;
  const proofAt = (proof: Proof['proof'], days: number): Proof => ({
    proof,
    triedAt: hoursAgo(0),
    at: hoursAgo(days * 24),
    point: 'p',
    run: 'r',
  });

  it('is overdue by its own schedule, to the second', () => {
    const recent = [proofAt('weekly', 7), proofAt('monthly', 31)];
    expect(overdueSeconds([], recent, policy, moment)).toEqual({ daily: 0, weekly: 0, monthly: 0 });
    const old = [proofAt('weekly', 9), proofAt('monthly', 33), { proof: 'weekly' as const, triedAt: hoursAgo(0) }];
    const over = 2 * DAY_S - SLACK_S;
    expect(overdueSeconds([], old, policy, moment)).toEqual({ daily: 0, weekly: over, monthly: over });
    expect(overdueSeconds([], [], policy, { ...moment, since: NOW })).toEqual({ daily: 0, weekly: 0, monthly: 0 });
  });

  it('daily counts from the oldest new recovery point that nobody has proven here', () => {
    const HOURS = 24 + 1.5 + 4.25;
    const overdue = (points: RecoveryPoint[]) => overdueSeconds(points, [], policy, { ...moment, since: NOW }).daily;
    expect(overdue([pointAt(HOURS), pointAt(3)])).toBe(0);
    expect(overdue([pointAt(HOURS + 1), pointAt(3)])).toBe(3_600);
    expect(overdue([pointAt(HOURS + 1, provenIn('recovery', hoursAgo(1)))])).toBe(3_600);
    expect(overdue([pointAt(HOURS + 1, provenIn('primary', hoursAgo(1)))])).toBe(0);
    expect(overdue([pointAt(HOURS + 1, { standing: 'failed' })])).toBe(0);
  });
});

describe('starting', () => {
  const due = { at: '05:00', timeZone: 'UTC', dueAt: '2026-11-20T05:00:00Z' };
  const startIn = async (site: SiteName, input: typeof due & { proof: Proof['proof'] }) => {
    const started: [string, object][] = [];
    const start = async (name: string, given: object) => {
      started.push([name, given]);
      return 'started' as const;
    };
    const { decision } = await startVerification.run(input, { ...siteOf(site), start });
    return started.length > 0 ? started : decision;
  };

  it('is one run for one due time: daily in both sites, weekly in the active one, monthly in the other', async () => {
    const daily = [['daily-0500-UTC-202611200500', { proof: 'daily', workloads: ['orders'] }]];
    expect(await startIn('primary', { ...due, proof: 'daily' })).toEqual(daily);
    expect(await startIn('recovery', { ...due, proof: 'daily' })).toEqual(daily);
    const weekly = { ...due, at: '06:00', proof: 'weekly' as const };
    expect(await startIn('primary', weekly)).toEqual([['weekly-0600-UTC-202611200500', { proof: 'weekly', workloads: ['orders'] }]]);
    expect(await startIn('recovery', weekly)).toBe('nothing to do');
    const monthly = { ...due, at: '07:00', proof: 'monthly' as const };
    expect(await startIn('primary', monthly)).toBe('nothing to do');
    expect(await startIn('recovery', monthly)).toEqual([['monthly-0700-UTC-202611200500', { proof: 'monthly', workloads: ['orders'] }]]);
  });

  it('does nothing for a time that no policy has any more', async () => {
    expect(await startIn('primary', { ...due, proof: 'weekly' })).toBe('nothing to do');
  });
});
