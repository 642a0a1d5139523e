import { expect, it } from 'vitest';
import { askedOf } from '../../bench/asked.ts';
import type { CallRecord } from '../../lab/types.ts';

const call = (changes: Partial<CallRecord>): CallRecord => ({
  ...{ id: 1, at: 0, durationMs: 1, source: 'us-east-1', region: 'us-east-1', service: 'rds', action: 'DescribeDBSnapshots' },
  ...{ principal: 'lifeboat-hundreds-take-snapshots', status: 200 },
  ...changes,
});

it("counts a step's lists by poll and database, and what a quota refused it", () => {
  const runs = ['lifeboat-hundreds-take-snapshots', 'lifeboat-hundreds-take-snapshots', 'lifeboat-hundreds-copy-snapshots'];
  const calls = [
    call({}),
    call({ action: 'ListTagsForResource' }),
    call({ action: 'CreateDBSnapshot', status: 400, error: 'SnapshotQuotaExceeded' }),
    call({ service: 'dynamodb', action: 'Query' }),
    call({ principal: 'somebody' }),
    call({ principal: 'lifeboat-hundreds-copy-snapshots', status: 400, error: 'Throttling' }),
  ];
  expect(askedOf(calls, runs, 10)).toEqual([
    { step: 'take-snapshots', polls: 2, lists: 2, perDatabaseAndPoll: 0.1, refused: ['SnapshotQuotaExceeded'] },
    { step: 'copy-snapshots', polls: 1, lists: 1, perDatabaseAndPoll: 0.1, refused: ['Throttling'] },
  ]);
});
