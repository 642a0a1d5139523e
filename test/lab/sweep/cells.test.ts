import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { cellsOf, FAULTS, faultOf, sample } from '../../../lab/sweep/cells.ts';
import { Matrix, tableOf } from '../../../lab/sweep/matrix.ts';
import { call } from '../drill/history.ts';

const calls = [
  call({ principal: 'lifeboat-demo-take-lease', service: 'dynamodb', action: 'GetItem' }),
  call({ principal: 'lifeboat-demo-take-lease', service: 'dynamodb', action: 'GetItem' }),
  call({ principal: 'lifeboat-demo-promote-database', service: 'rds', action: 'PromoteReadReplica' }),
];

it('attacks each kind of call of each step once with each fault', () => {
  const cells = cellsOf(calls);
  expect(cells).toHaveLength(2 * FAULTS.length);
  expect(cells[0]).toEqual({ step: 'take-lease', service: 'dynamodb', action: 'GetItem', fault: 'throttle-3' });
  expect(cells.at(-1)).toMatchObject({ step: 'promote-database', fault: 'killed' });
  expect(faultOf(cells[0]!, 'f')).toEqual({ principal: 'f', service: 'dynamodb', action: 'GetItem', kind: 'throttle', count: 3 });
});

it('chooses the same sample for the same seed', () => {
  const cells = cellsOf(calls);
  expect(sample(cells, 4, 7)).toEqual(sample(cells, 4, 7));
  expect(sample(cells, 4, 7)).toHaveLength(4);
  expect(sample(cells, 100, 7)).toEqual(cells);
});

it('goes on where it ended, and shows a table with totals', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-sweep-'));
  try {
    const file = join(folder, 'matrix.json');
    const cells = cellsOf(calls);
    new Matrix(file).add({ cell: cells[0]!, outcome: 'recovered', detail: '' });
    const again = new Matrix(file);
    expect(again.left(cells)).toEqual(cells.slice(1));
    expect(tableOf(again.judged)).toContain('| take-lease | dynamodb:GetItem | recovered |');
    expect(tableOf(again.judged)).toMatch(/recovered 1$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
