import { describe, expect, it } from 'vitest';
import { advance } from '../../lambdas/integrity/advance.ts';
import { type CheckRecord, newRecord } from '../../lambdas/integrity/check-records.ts';
import type { Cursor, Walk } from '../../lambdas/resources/postgres-live-checks.ts';
import { NOW } from '../kit/services.ts';

type Verdict = 'passed' | 'failed' | 'unknown';
const of = '2026-11-20T11:59:58.000Z';
const later = '2026-11-20T12:10:00.000Z';

/** A walk over so many parts, each with its verdict, which notes where it was. */
const walkOver = (verdicts: Verdict[], places: number[] = []): Walk => {
  return async ({ relation }: Cursor) => {
    const at = Math.max(0, relation - 1);
    places.push(at);
    const finding = { verdict: verdicts[at]!, detail: `part ${at}` };
    return at + 1 < verdicts.length ? { finding, next: { relation: at + 2, block: 0 } } : { finding };
  };
};
const round = (record: CheckRecord, walk: Walk, over: Partial<Parameters<typeof advance>[2]> = {}) =>
  advance(record, walk, { of, until: NOW + 1, now: () => NOW, ...over });
const fresh = newRecord('checksum orders.checksum', NOW);

describe('a round of a check', () => {
  it('that is through everything passed with the contents of its beginning', async () => {
    const record = await round(fresh, walkOver(['passed', 'passed']));
    expect(record).toMatchObject({ verdict: 'passed', lastPassedAt: of, lastConcludedAt: new Date(NOW).toISOString() });
    expect(record.pass).toBeUndefined();
  });

  it('goes on at the next one where the time was over, and keeps the time at which it began', async () => {
    const places: number[] = [];
    const walk = walkOver(['passed', 'passed', 'passed'], places);
    const first = await round(fresh, walk, { until: NOW });
    expect(first).toMatchObject({ verdict: 'unknown', pass: { of } });
    const second = await round(first, walk, { of: later, until: NOW });
    expect(second.lastConcludedAt).toBeUndefined();
    expect(await round(second, walk, { of: later, until: NOW })).toMatchObject({ verdict: 'passed', lastPassedAt: of });
    expect(places).toEqual([0, 1, 2]);
  });

  it('that could not read a part has not passed, and not failed', async () => {
    const passed = await round(fresh, walkOver(['passed']));
    const record = await round(passed, walkOver(['unknown', 'passed']), { of: later, now: () => NOW + 60_000, until: NOW + 90_000 });
    expect(record).toMatchObject({ verdict: 'unknown', detail: 'part 0', lastPassedAt: of, lastConcludedAt: passed.lastConcludedAt });
  });

  it('that finds something has failed at once, and says when it was good', async () => {
    const passed = await round(fresh, walkOver(['passed', 'passed']));
    const record = await round(passed, walkOver(['passed', 'failed']), { of: later });
    expect(record).toMatchObject({ verdict: 'failed', detail: 'part 1', lastPassedAt: of, failedPart: { relation: 2, block: 0 } });
  });

  it('looks first where it had failed; what cannot be read there is still failed', async () => {
    const failed = await round(fresh, walkOver(['passed', 'failed']));
    const places: number[] = [];
    expect(await round(failed, walkOver(['passed', 'failed'], places))).toMatchObject({ verdict: 'failed' });
    expect(await round(failed, walkOver(['passed', 'unknown'], places))).toMatchObject({ verdict: 'failed' });
    expect(places).toEqual([1, 1]);
  });

  it('passes again only after all of it was read again', async () => {
    const failed = await round(fresh, walkOver(['passed', 'failed', 'passed']));
    const repaired = walkOver(['passed', 'passed', 'passed']);
    const partly = await round(failed, repaired, { of: later, until: NOW });
    expect(partly).toMatchObject({ verdict: 'unknown' });
    expect(partly.lastPassedAt).toBeUndefined();
    const whole = await round(partly, repaired, { of: later });
    expect(whole).toMatchObject({ verdict: 'passed', lastPassedAt: later });
    expect(whole.failedPart).toBeUndefined();
    expect(whole.failedSince).toBeUndefined();
    expect(whole.lastFailedAt).toBe(failed.lastFailedAt);
    expect(failed.lastFailedAt).toBe(new Date(NOW).toISOString());
  });

  it('finds what has failed elsewhere after the first place passes', async () => {
    const failed = await round(fresh, walkOver(['passed', 'failed', 'passed']));
    expect(await round(failed, walkOver(['failed', 'passed', 'passed']))).toMatchObject({ verdict: 'failed', failedPart: { relation: 0 } });
  });
});
