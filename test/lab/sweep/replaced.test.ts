import { describe, expect, it } from 'vitest';
import { replacedDefect } from '../../../lab/sweep/campaigns/replaced.ts';
import type { Attempt } from '../../../lab/workload/attempt.ts';
import { ack, rowsOf } from '../drill/history.ts';

const EAST = 'us-east-1';
const holding = (...orders: Attempt[]) => ({ site: EAST, rows: rowsOf(orders) });

// Restored was the first order; the second was written until then, the third after.
const first = ack(EAST, 1);
const second = ack(EAST, 2);
const third = ack(EAST, 5);
const acks = [first, second, third];

describe('the orders after a restore in place', () => {
  it('are well where what was written since is kept in what was replaced', () => {
    const databases = { writer: holding(first, third), replaced: [holding(first, second)], elsewhere: [] };
    expect(replacedDefect(acks, databases)).toBeUndefined();
  });

  it('may be kept by the other site alone', () => {
    const databases = { writer: holding(first, third), replaced: [], elsewhere: [holding(first, second)] };
    expect(replacedDefect(acks, databases)).toBeUndefined();
  });

  it('are lost where no database has one', () => {
    const databases = { writer: holding(first, third), replaced: [holding(first)], elsewhere: [] };
    expect(replacedDefect(acks, databases)).toEqual(['uncounted loss', expect.stringContaining(second.id)]);
  });

  it('count as lost where a database of the site cannot be read', () => {
    const databases = { writer: holding(first, third), replaced: [{ site: EAST, rows: [], unread: 'it timed out' }], elsewhere: [] };
    expect(replacedDefect(acks, databases)).toEqual(['uncounted loss', expect.stringContaining('it timed out')]);
  });

  it('show two writers where the old database took one after the new one was open', () => {
    const late = ack(EAST, 6);
    const databases = { writer: holding(first, third), replaced: [holding(first, second, late)], elsewhere: [] };
    expect(replacedDefect([...acks, late], databases)).toEqual(['two writers', expect.stringContaining('1 orders')]);
  });
});
