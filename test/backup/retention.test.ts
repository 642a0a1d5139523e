import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backupPolicy, type TierName } from '../../environments/backup.ts';
import { type Removal, removable } from '../../lambdas/backup/retention.ts';
import type { RecoveryPoint, Standing } from '../../lambdas/kit/recovery-points.ts';

const DAY_MS = 86_400_000;
const NOW = Date.parse('2026-11-20T12:00:00Z');
const HISTORIES = 10_000;
const HOLDS: Record<string, string | undefined> = { 'until 2100': '2100-01-01T00:00:00Z', over: '2020-01-01T00:00:00Z' };

const point = (ageDays: number, over: Partial<RecoveryPoint> = {}): RecoveryPoint => {
  const dueAt = new Date(NOW - ageDays * DAY_MS).toISOString();
  const id = over.id ?? `lifeboat-demo-${dueAt}`;
  const copyIn = (site: 'primary' | 'recovery', region: string) => ({
    site,
    region,
    arn: `${region}:${id}`,
    completedAt: dueAt,
    encrypted: true,
  });
  return {
    id,
    workload: 'orders',
    database: 'orders',
    tier: 'daily',
    dueAt,
    instance: 'orders-primary',
    engine: 'postgres',
    engineVersion: '18.4',
    allocatedGb: 20,
    standing: 'verified',
    copies: [copyIn('primary', 'us-east-1'), copyIn('recovery', 'us-west-2')],
    ...over,
  };
};
const policyOf = (over: object = {}) => backupPolicy.parse({ tiers: [{ every: 'daily', keepDays: 7 }], keepVerified: 2, ...over });
const ids = (removals: readonly Removal[]) => [...new Set(removals.map((removal) => removal.point.id))];

describe('retention', () => {
  it('lets the old go, in all regions, while newer ones are proven', () => {
    const points = [point(1), point(2), point(9), point(10)];
    const removals = removable(points, policyOf(), NOW);
    expect(ids(removals)).toEqual([points[3]!.id, points[2]!.id]);
    expect(removals).toHaveLength(4);
  });

  it('keeps everything when backups have stopped, and when nothing newer is proven', () => {
    expect(removable([point(20), point(21), point(22)], policyOf({ keepVerified: 3 }), NOW)).toEqual([]);
    const unproven = [1, 2, 3, 4].map((age) => point(age, { standing: 'unverified' }));
    expect(removable([...unproven, point(30)], policyOf(), NOW)).toEqual([]);
  });

  it('keeps what is under hold, what has no tier any more, and what a wrong clock calls old', () => {
    const newer = [point(1), point(2), point(3)];
    const hold = new Date(NOW + DAY_MS).toISOString();
    expect(removable([...newer, point(30, { holdUntil: hold })], policyOf(), NOW)).toEqual([]);
    expect(removable([...newer, point(30, { holdUntil: 'no time' })], policyOf(), NOW)).toEqual([]);
    expect(removable([...newer, point(30, { tier: 'hourly' })], policyOf(), NOW)).toEqual([]);
    // A clock that went back 20 days: what is newer lies in its future, and proves nothing to it.
    expect(removable([...newer, point(30)], policyOf(), NOW - 20 * DAY_MS)).toEqual([]);
  });

  it('keeps the last copy in a region, however many the other region has', () => {
    const onlyHome = (age: number) => point(age, { copies: point(age).copies.slice(0, 1) });
    const removals = removable([onlyHome(1), onlyHome(2), onlyHome(3), point(30)], policyOf(), NOW);
    expect(removals.map(({ copy }) => copy.region)).toEqual(['us-east-1']);
  });

  it(`over ${HISTORIES} histories with gaps, failures and clock changes: never below the proven floor, never the last in a region`, () => {
    const copySets = fc.constantFrom([0], [1], [0, 1], [0, 1], [0, 1], []);
    const entry = fc.record({
      gapHours: fc.constantFrom(0, 6, 24, 24, 72, 24 * 20),
      clockHours: fc.constantFrom(0, 0, 0, -48, 72),
      tier: fc.constantFrom<TierName>('hourly', 'daily', 'weekly'),
      standing: fc.constantFrom<Standing>('verified', 'verified', 'verified', 'unverified', 'failed'),
      copies: copySets,
      deleted: fc.constantFrom(false, false, false, true),
      held: fc.constantFrom('no', 'no', 'no', 'until 2100', 'over'),
      vault: fc.boolean(),
    });
    const history = fc.record({
      entries: fc.array(entry, { minLength: 3, maxLength: 25 }),
      keepVerified: fc.integer({ min: 1, max: 4 }),
      keepAtLeast: fc.integer({ min: 1, max: 4 }),
      keepDays: fc.integer({ min: 1, max: 10 }),
      skewHours: fc.constantFrom(0, 0, 0, 24 * 400, -500),
    });
    let removed = 0;
    fc.assert(
      fc.property(history, ({ entries, keepVerified, keepAtLeast, keepDays, skewHours }) => {
        let at = NOW - 60 * DAY_MS;
        const points = entries.map((each, i) => {
          at += each.gapHours * 3_600_000;
          const base = point(0, { id: `lifeboat-demo-${i}`, dueAt: new Date(at + each.clockHours * 3_600_000).toISOString() });
          const copies = each.copies.map((index) => ({ ...base.copies[index]!, ...(each.deleted ? { deletedAt: base.dueAt } : {}) }));
          const vault = { account: '111111111111', region: 'us-west-2', arn: `vault:${base.id}`, completedAt: base.dueAt };
          return {
            ...base,
            tier: each.tier,
            standing: each.standing,
            copies,
            ...(each.vault ? { vault } : {}),
            ...(HOLDS[each.held] ? { holdUntil: HOLDS[each.held] } : {}),
          };
        });
        const tiers = (['hourly', 'daily'] as const).map((every) => ({ every, keepDays, keepAtLeast }));
        const policy = backupPolicy.parse({ tiers, keepVerified });
        const now = NOW + skewHours * 3_600_000;
        const removals = removable(points, policy, now);
        removed += removals.length;
        const gone = new Set(removals.map(({ copy }) => copy));
        const left = points.map((one) => ({ ...one, copies: one.copies.filter((copy) => !copy.deletedAt && !gone.has(copy)) }));
        const kept = left.filter(({ copies }) => copies.length > 0);
        for (const { point: lost, copy } of removals) {
          const newer = kept.filter(({ dueAt }) => dueAt > lost.dueAt && Date.parse(dueAt) <= now);
          expect(newer.filter(({ standing }) => standing === 'verified').length).toBeGreaterThanOrEqual(keepVerified);
          expect(newer.filter(({ tier }) => tier === lost.tier).length).toBeGreaterThanOrEqual(keepAtLeast);
          expect(newer.some((other) => other.copies.some(({ region }) => region === copy.region))).toBe(true);
          expect(lost.holdUntil).not.toBe(HOLDS['until 2100']);
          expect(now - Date.parse(lost.dueAt)).toBeGreaterThan(keepDays * DAY_MS);
          expect(copy.deletedAt).toBeUndefined();
          expect(points.flatMap(({ copies }) => copies)).toContain(copy);
        }
        // Nothing in the vault is deleted, and what lies there lets nothing go that would stay without it.
        expect(removals.filter(({ copy }) => copy.arn.startsWith('vault:'))).toEqual([]);
        const without = removable(
          points.map(({ vault: _, ...rest }) => rest),
          policy,
          now,
        );
        expect(removals.map(({ copy }) => copy.arn)).toEqual(without.map(({ copy }) => copy.arn));
      }),
      { numRuns: HISTORIES },
    );
    expect(removed, 'histories in which something goes').toBeGreaterThan(HISTORIES / 10);
  });
});
