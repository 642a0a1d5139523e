import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../../lab/drill/judge/evidence.ts';
import { measure } from '../../../lab/drill/judge/measure.ts';
import { findOutage } from '../../../lab/drill/judge/outage.ts';
import { phaseSeconds, phaseSpans } from '../../../lab/drill/judge/phases.ts';
import * as promises from '../../../lab/drill/judge/promises.ts';
import { judge } from '../../../lab/drill/judge/verdict.ts';
import { measureOverlap } from '../../../lab/drill/judge/writers.ts';
import { regionFailure } from '../../../lab/drill/scenarios/region-failure.ts';
import { A, ack, B, call, failover, ms, refused, rowsOf, run, writing } from './history.ts';

const scenario = { ...regionFailure, promises: regionFailure.promises };
const reasonsOf = (evidence: Evidence): string => judge(scenario, evidence).result.reasons.join('; ');

describe('a good failover', () => {
  const { result } = judge(scenario, failover());

  it('passes, with its measures', () => {
    expect(result).toMatchObject({
      scenario: 'region-failure',
      passed: true,
      reasons: [],
      rto: { objectiveSeconds: 90, measuredSeconds: 30.1 },
      rpo: { objectiveSeconds: 60, measuredSeconds: 0, rowsAcknowledged: 400, rowsLost: 0 },
      writers: { overlapSeconds: 0, overlappingWrites: 0 },
      calls: { total: 1, toFailedRegion: 0, toForeignControlPlane: 0 },
      execution: { status: 'SUCCEEDED' },
    });
  });

  it('accounts for the time: what ran side by side counts once, for the one that ended last', () => {
    expect(result.rto.phases).toEqual({
      Detection: 13.09,
      'Alarm to start': 2,
      'Confirm outage': 3,
      'Take the lease': 1,
      'Promote database': 7,
      'Shift traffic': 0.2,
      'Verify through public name': 3.81,
    });
  });

  it('has exactly the members that were agreed', () => {
    expect(Object.keys(result)).toEqual(['scenario', 'passed', 'reasons', 'rto', 'rpo', 'writers', 'calls', 'execution', 'timeline']);
    expect(result.timeline[1]).toEqual({ at: '2027-01-15T08:00:20.000Z', event: 'us-east-1 goes dark' });
  });
});

describe('a judge that can fail', () => {
  const good = failover();
  const site = (name: string) => good.attempts.filter((attempt) => attempt.site === name);
  const late = [...writing(A, 0, 20), ...[30, 60, 90, 119].map((at) => refused(at)), ...writing(B, 120, 130)];
  const never = [...writing(A, 0, 20), ...[30, 60].map((at) => refused(at))];
  const both = [...good.attempts, ...writing(A, 52, 53)];
  const lossy = [{ site: B, rows: rowsOf(site(B)) }];

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['denies a function a call', { calls: [call({ denied: 'promote may not rds:PromoteReadReplica' })] }, /denied: promote may not/],
    ['recovers too late', { attempts: late, databases: [{ site: B, rows: rowsOf(late) }] }, /lasted 100\.\d s/],
    ['never recovers', { attempts: never, databases: [{ site: A, rows: rowsOf(never) }] }, /without end.*no RTO/s],
    [
      'loses rows past the objective',
      { attempts: [...writing(A, -100, 20), ...site(B), refused(30)], databases: lossy },
      /orders of 120\.0 s|119\.9 s are lost/,
    ],
    ['cannot read the database', { databases: [{ site: B, rows: [], unread: 'connect ECONNREFUSED' }] }, /loss is unknown/],
    [
      'has two writers by the client',
      { attempts: both, databases: [{ site: B, rows: rowsOf(both) }] },
      /two sites accepted writes for 2\.9/,
    ],
    [
      'has two writers by the rows',
      { databases: [...good.databases, { site: A, rows: [{ id: 'ghost', site: A, recordedAt: ms(60) }] }] },
      /two sites/,
    ],
    ['was never hit', { attempts: writing(A, 0, 70) }, /did not take effect.*acknowledged by us-east-1/s],
    ['has a failed run', { executions: [run({ status: 'FAILED', cause: 'lag unknown' })] }, /is FAILED: lag unknown/],
    ['has no run', { executions: [] }, /no failover execution/],
    ['needs the failed region', { calls: [call({ region: A })] }, /1 answered calls to the failed region/],
    ['needs Route 53', { calls: [call({ service: 'route53', region: A, action: 'ChangeResourceRecordSets' })] }, /1 to foreign/],
    ['configures a bucket', { calls: [call({ service: 's3', action: 'PutBucketPolicy' })] }, /1 to foreign/],
    [
      'needed Route 53 in an earlier run',
      {
        calls: [call(), call({ service: 'route53', action: 'ChangeResourceRecordSets', at: ms(25) })],
        executions: [run({ arn: 'first', startedAt: ms(24), stoppedAt: ms(26) }), run({})],
      },
      /1 to foreign/,
    ],
    ['has no recorded call', { calls: [] }, /not proven/],
  ])('fails a run that %s', (_what, changes, reason) => {
    expect(reasonsOf(failover(changes))).toMatch(reason);
  });

  it('asks for no proof of a run that has only read its request', () => {
    const states = [{ name: 'Read request', works: true, enteredAt: ms(54) }];
    expect(reasonsOf(failover({ calls: [], executions: [run({ states })] }))).not.toMatch(/not proven/);
  });

  it('forgives what did not help: unanswered calls to the dead region, and data planes elsewhere', () => {
    const calls = [
      call(),
      call({ region: A, status: 0, error: 'Blackout' }),
      call({ region: 'us-east-2', service: 'dynamodb', action: 'GetItem' }),
    ];
    expect(judge(scenario, failover({ calls })).result).toMatchObject({
      passed: true,
      calls: { total: 3, toFailedRegion: 0, toForeignControlPlane: 0 },
    });
  });

  it('does not take the region that a run activates for a foreign one, though it was dark before', () => {
    const home = { region: A, source: A, service: 'rds', action: 'PromoteReadReplica' };
    const evidence = failover({ calls: [call(), call(home)], executions: [run({ region: A }), run({})] });
    expect(measure(evidence).calls).toMatchObject({ total: 2, toFailedRegion: 0, toForeignControlPlane: 0 });
  });

  it('counts no call that the region answered before it failed', () => {
    const early = { region: A, service: 'dynamodb', action: 'GetItem', at: ms(15) };
    const runs = [run({ startedAt: ms(10), stoppedAt: ms(16), status: 'FAILED' }), run()];
    const toFailed = (calls: ReturnType<typeof call>[]) => measure(failover({ calls, executions: runs })).calls.toFailedRegion;
    expect(toFailed([call(early), call()])).toBe(0);
    expect(toFailed([call({ ...early, at: ms(40) }), call()])).toBe(1);
  });

  it('reports what kept the scenario from its end first', () => {
    expect(judge(scenario, failover(), 'a failover in us-west-2 ends: not within 300 s').result.reasons).toEqual([
      'a failover in us-west-2 ends: not within 300 s',
    ]);
  });

  it('objects to a run where none should be', () => {
    expect(promises.noRun().broken(measure(failover()))).toMatch(/was started in us-west-2/);
    expect(promises.noRun().broken(measure(failover({ executions: [run({ startedAt: ms(1) })] })))).toBeUndefined();
  });
});

describe('the outage', () => {
  it.each<[string, Parameters<typeof findOutage>, ReturnType<typeof findOutage>]>([
    ['none', [writing(A, 0, 30), ms(20)], undefined],
    ['a silence before the fault is not its doing', [[...writing(A, 0, 5), ...writing(A, 10, 30)], ms(20)], undefined],
    [
      'service that comes and goes is one outage',
      [[...writing(A, 0, 20), ack(B, 30), ...writing(B, 40, 50)], ms(20)],
      { from: ms(19.91), to: ms(40.01) },
    ],
    ['nothing was ever acknowledged', [[refused(21)], ms(20)], { from: ms(20) }],
  ])('%s', (_what, args, expected) => {
    expect(findOutage(...args)).toEqual(expected);
  });
});

describe('loss', () => {
  it('counts each acknowledged row that is absent where the workload is active, and the time they span', () => {
    const evidence = failover();
    const lost = evidence.attempts.filter((attempt) => attempt.site === A).slice(-20);
    const ids = new Set(lost.map((attempt) => attempt.id));
    const rows = rowsOf(evidence.attempts).filter((row) => !ids.has(row.id));
    const { loss } = measure({ ...evidence, databases: [{ site: B, rows }, evidence.databases[1]!] });
    expect(loss).toMatchObject({ rowsLost: 20, lostIds: [...ids], proven: true });
    expect(loss.measuredSeconds).toBeCloseTo(1.9, 5);
  });

  it('does not ask for rows that were never acknowledged', () => {
    const evidence = failover();
    const extra = [...rowsOf(evidence.attempts), { id: 'unanswered', site: A, recordedAt: ms(19.99) }];
    expect(measure({ ...evidence, databases: [{ site: B, rows: extra }] }).loss.rowsLost).toBe(0);
  });
});

describe('properties', () => {
  /** Writes of one site after the other's, each sent and answered around its commit. */
  const write = fc.record({
    commit: fc.double({ min: 0, max: 100, noNaN: true }),
    before: fc.double({ min: 0, max: 5, noNaN: true }),
    after: fc.double({ min: 0, max: 5, noNaN: true }),
  });
  const writes = (site: string, shift: number, list: readonly { commit: number; before: number; after: number }[]) =>
    list.map(({ commit, before, after }) => ack(site, shift + commit - before, shift + commit + after));

  it('a clean handover is never called an overlap, however messages are delayed', () => {
    fc.assert(
      fc.property(fc.array(write), fc.array(write), (first, second) => {
        const attempts = [...writes(A, 0, first), ...writes(B, 100.001, second)];
        expect(measureOverlap(attempts, [], [])).toEqual({ overlapSeconds: 0, overlappingWrites: 0 });
      }),
    );
  });

  it('a writer that is answered before, and sends after, another that does the same, is always caught', () => {
    fc.assert(
      fc.property(fc.array(write), fc.double({ min: 0.01, max: 50, noNaN: true }), (others, length) => {
        const clash = [ack(A, 10, 11), ack(B, 10, 11), ack(A, 11 + length, 80), ack(B, 11 + length, 80)];
        const found = measureOverlap([...writes(A, 0, others), ...clash], [], []);
        expect(found.overlapSeconds).toBeGreaterThanOrEqual(length - 0.002);
        expect(found.overlappingWrites).toBeGreaterThanOrEqual(4);
      }),
    );
  });

  it('two moves allow two handovers and no more', () => {
    const there = [...writing(A, 0, 10), ...writing(B, 15, 30)];
    expect(measureOverlap([...there, ...writing(A, 35, 45)], [], [ms(10), ms(30)]).overlapSeconds).toBe(0);
    expect(measureOverlap([...there, ...writing(A, 35, 45), ...writing(B, 44, 46)], [], [ms(10), ms(30)]).overlapSeconds).toBeGreaterThan(
      0,
    );
    expect(measureOverlap([...there, ...writing(A, 35, 45)], [], [ms(10)]).overlapSeconds).toBeGreaterThan(0);
  });

  it('phases always sum to the outage', () => {
    const state = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      works: fc.boolean(),
      from: fc.integer({ min: 0, max: 90 }),
      length: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(state), fc.integer({ min: 0, max: 40 }), fc.integer({ min: 41, max: 120 }), (states, from, to) => {
        const runs = states.map(({ name, works, from: begin, length }) => ({
          name,
          works,
          enteredAt: ms(begin),
          exitedAt: length === undefined ? undefined : ms(begin + length),
        }));
        const spans = phaseSpans({ from: ms(from), to: ms(to) }, run({ states: runs }), [
          { at: ms(33), region: B, name: 'x', state: 'ALARM' },
        ]);
        const sum = Object.values(phaseSeconds(spans)).reduce((total, one) => total + one, 0);
        expect(sum).toBeCloseTo(to - from, 6);
      }),
    );
  });

  it('rows lost and rows present make the rows acknowledged', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }), (kept) => {
        const attempts = kept.map((_one, index) => ack(B, index / 10));
        const rows = rowsOf(attempts.filter((_attempt, index) => kept[index]));
        const { loss } = measure(failover({ attempts, databases: [{ site: B, rows }] }));
        expect(loss.rowsLost).toBe(kept.filter((one) => !one).length);
      }),
    );
  });
});

describe('the history check', () => {
  const nothingPromised = { name: 'any', objectives: { rtoSeconds: 90, rpoSeconds: 60 }, promises: [] };
  const good = failover();
  const broken = (evidence: Partial<Evidence>): string => judge(nothingPromised, { ...good, ...evidence }).result.reasons.join('; ');
  const onlyOf = (name: string) => good.attempts.filter(({ site }) => site === name);

  it('lets a good history pass, whatever a scenario promises', () => {
    expect(judge(nothingPromised, good).result).toMatchObject({ passed: true, reasons: [] });
  });

  it.each<[string, Partial<Evidence>, RegExp]>([
    ['a writer inside the lost site after the move', { insiders: writing(A, 55, 57) }, /two sites accepted writes for/],
    ['a write of the lost site between two of the new one', { insiders: [ack(A, 60)], calls: [call()] }, /need \d handovers/],
    [
      'writes of two sites in turn, each in a move of its own',
      { moves: [20, 52, 54].map(ms), insiders: writing(A, 52, 53) },
      /there were 1 moves/,
    ],
    ['an acknowledged order that no database has', { databases: [{ site: B, rows: rowsOf(onlyOf(B)) }] }, /in no database/],
    ['an order that nobody sent', { databases: [{ site: B, rows: rowsOf([...good.attempts, ack(B, 60)]) }] }, /that nobody sent/],
  ])('finds %s', (_, evidence, reason) => {
    expect(broken(evidence)).toMatch(reason);
  });

  it('asks of a scenario that destroys every database no order that nothing can have, and lets none be invented', () => {
    const destroying = { ...nothingPromised, destroysDatabases: true };
    const gone = { ...good, databases: [{ site: B, rows: rowsOf(onlyOf(B)) }] };
    expect(judge(destroying, gone).result.reasons).toEqual([]);
    const invented = { ...gone, databases: [{ site: B, rows: rowsOf([...onlyOf(B), ack(B, 60)]) }] };
    expect(judge(destroying, invented).result.reasons.join()).toMatch(/that nobody sent/);
  });

  it('counts an order as kept that only a database which was set aside has', () => {
    const { setAside, ...rest } = { setAside: [{ site: A, rows: rowsOf(onlyOf(A)) }], databases: [{ site: B, rows: rowsOf(onlyOf(B)) }] };
    expect(broken({ ...rest, setAside })).not.toMatch(/in no database/);
  });
});

describe('what was lost and exported', () => {
  /** A's last second never reached B. */
  const { attempts } = failover();
  const lost = attempts.filter(({ site, answeredAt }) => site === A && answeredAt > ms(19)).map(({ id }) => id);
  const kept = rowsOf(attempts).filter(({ id }) => !lost.includes(id));
  const exported = (orders: string[], counted = orders.length) =>
    promises
      .everyLossExported()
      .broken(measure(failover({ attempts, databases: [{ site: B, rows: kept }], exports: [{ site: A, searches: 1, counted, orders }] })));

  it('is the same set', () => {
    expect(lost.length).toBeGreaterThan(3);
    expect(exported(lost)).toBeUndefined();
    // Committed, and its answer lost: nobody knows, and it may be there.
    expect(exported([...lost, attempts.find(({ acknowledged }) => !acknowledged)!.id])).toBeUndefined();
  });

  it('is measured up to the outage that lost it, whatever the drill does later', () => {
    expect(measure(failover({ attempts, faultAt: ms(60), databases: [{ site: B, rows: kept }] })).loss.measuredSeconds).toBeLessThan(1.1);
  });

  it('is judged order by order, and by the counts', () => {
    expect(exported(lost.slice(1))).toMatch(/1 lost orders were not exported/);
    expect(exported([...lost, kept[0]!.id])).toMatch(/1 orders were exported that are not lost/);
    expect(exported(lost, lost.length + 1)).toMatch(/were counted as lost/);
    expect(promises.everyLossExported().broken(measure(failover()))).toMatch(/no former writer was searched/);
    expect(promises.somethingWasLost().broken(measure(failover()))).toMatch(/was not tried/);
  });
});
