import { setTimeout as sleep } from 'node:timers/promises';
import type { Drill } from './drill.ts';
import { query } from './rows.ts';

/** The next whole second, once it is over. */
export async function nextWholeSecond(drill: Drill): Promise<Date> {
  const moment = new Date((Math.floor(Date.now() / 1_000) + 1) * 1_000);
  await sleep(moment.getTime() - Date.now() + 1, undefined, { signal: drill.parts.signal });
  drill.note(`T is ${moment.toISOString()}`);
  return moment;
}

export interface AroundMoment {
  /** Acknowledged before the moment, and not there. */
  missing: string[];
  /** Sent after the moment, and there. */
  early: string[];
  /** Sent before it and answered after it: either is right. */
  inFlight: number;
  present: number;
}

/**
 * What a database that was restored to a moment holds, against the client's own record. An acknowledged order was committed between its
 * sending and its answer, and all clocks of the lab are one: so each order but those under way at the moment has one right place. Orders
 * that were answered after `until` are not looked at: those of the restored database itself.
 */
export async function aroundMoment(drill: Drill, databaseHost: string, moment: Date, until = Date.now()): Promise<AroundMoment> {
  const live = drill.at(drill.primary);
  const rows = await query<{ id: string }>({ ...live, site: { ...live.site, databaseHost } }, 'SELECT id FROM orders');
  const present = new Set(rows.map(({ id }) => id));
  const at = moment.getTime();
  const { attempts } = drill.parts.client;
  const before = attempts.filter(({ acknowledged, answeredAt }) => acknowledged && answeredAt < at);
  const after = attempts.filter(({ sentAt, answeredAt }) => sentAt > at && answeredAt < until);
  if (before.length === 0 || after.length === 0) throw new Error('the client did not write on both sides of the moment');
  return {
    missing: before.filter(({ id }) => !present.has(id)).map(({ id }) => id),
    early: after.filter(({ id }) => present.has(id)).map(({ id }) => id),
    inFlight: attempts.filter(({ sentAt, answeredAt }) => sentAt <= at && answeredAt >= at).length,
    present: present.size,
  };
}
