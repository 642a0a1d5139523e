import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AcceptedWrite, fewestHandovers, movesMade } from '../../../lab/drill/judge/handovers.ts';
import { checkSet } from '../../../lab/drill/judge/set-check.ts';
import { A, ack, B, call, refused, rowsOf } from './history.ts';

/** A history with one writer at a time: spans of alternating sites, and in each span writes accepted at a moment within, known by sending and answer. */
const oneWriter = fc
  .array(
    fc.record({
      length: fc.integer({ min: 10, max: 100 }),
      writes: fc.array(fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), before: fc.nat(60), after: fc.nat(60) }), {
        maxLength: 8,
      }),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((spans) => {
    let begin = 0;
    const writes: AcceptedWrite[] = [];
    spans.forEach(({ length, writes: inside }, index) => {
      for (const { at, before, after } of inside) {
        const moment = begin + at * length;
        writes.push({ site: index % 2 === 0 ? A : B, from: moment - before, to: moment + after });
      }
      begin += length;
    });
    return { writes, handovers: spans.length - 1, end: begin };
  });

describe('the fewest handovers that a history needs', () => {
  it('are never more than there were, whatever the network did to the messages', () => {
    fc.assert(
      fc.property(oneWriter, ({ writes, handovers }) => fewestHandovers(writes) <= handovers),
      { numRuns: 2_000 },
    );
  });

  it('do not depend on the order in which the writes are told', () => {
    fc.assert(
      fc.property(oneWriter, fc.infiniteStream(fc.nat()), ({ writes }, random) => {
        const shuffled = [...writes].sort(() => ((random.next().value ?? 0) % 3) - 1);
        return fewestHandovers(shuffled) === fewestHandovers(writes);
      }),
    );
  });

  it('grow by two when the other site certainly accepted a write between two of the holder', () => {
    fc.assert(
      fc.property(oneWriter, ({ writes, end }) => {
        const later = (site: string, at: number): AcceptedWrite => ({ site, from: end + 100 + at, to: end + 101 + at });
        const calm = [...writes, later(A, 0), later(A, 4)];
        return fewestHandovers([...calm, later(B, 2)]) === fewestHandovers(calm) + 2;
      }),
    );
  });

  it('are as many as the certain changes', () => {
    const write = (site: string, from: number, to: number): AcceptedWrite => ({ site, from, to });
    expect(fewestHandovers([])).toBe(0);
    expect(fewestHandovers([write(A, 0, 1), write(A, 5, 6)])).toBe(0);
    expect(fewestHandovers([write(A, 0, 1), write(B, 5, 6)])).toBe(1);
    expect(fewestHandovers([write(A, 0, 9), write(B, 1, 2), write(B, 7, 8)])).toBe(1); // its answer came late: it was first, or last
    expect(fewestHandovers([write(A, 0, 1), write(B, 2, 3), write(A, 4, 5), write(B, 6, 7)])).toBe(3);
    expect(() => fewestHandovers([write(A, 0, 1), write(B, 2, 3), write('C', 4, 5)])).toThrow('3 sites');
  });

  it('are held against the promotions that RDS accepted', () => {
    const promoted = (region: string, status = 200) => call({ region, status, action: 'PromoteReadReplica' });
    expect(movesMade([promoted(B), promoted(B), promoted(A), promoted(B, 400)], A)).toBe(2);
    expect(movesMade([promoted(B), { ...promoted(A, 500), served: 200 }, promoted(B)], A)).toBe(3); // its answer was lost
    expect(movesMade([call({ action: 'DescribeDBInstances' })], A)).toBe(0);
  });
});

describe('what became of every order', () => {
  it('is present, kept, gone, phantom or an answer that was lost', () => {
    const [present, kept, gone] = [ack(A, 1), ack(A, 2), ack(A, 3)];
    const unanswered = refused(4);
    const never = ack(B, 5);
    const active = { site: B, rows: rowsOf([present!, never, { ...unanswered, acknowledged: true }]) };
    expect(checkSet([present!, kept!, gone!, unanswered], active, [{ site: A, rows: rowsOf([present!, kept!]) }])).toEqual({
      acknowledged: 3,
      absent: [kept!.id, gone!.id],
      kept: [kept!.id],
      gone: [gone!.id],
      phantom: [never.id],
      unacknowledgedPresent: 1,
    });
  });
});
