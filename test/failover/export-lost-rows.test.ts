import { describe, expect, it } from 'vitest';
import { exportLostRows } from '../../lambdas/failover/export-lost-rows.ts';
import { NotReady } from '../../lambdas/kit/errors.ts';
import type { IncidentRecord } from '../../lambdas/kit/evidence.ts';
import type { Incident } from '../../lambdas/kit/incidents.ts';
import { LostRowsSearches } from '../../lambdas/kit/lost-rows.ts';
import { runStep } from '../../lambdas/kit/step.ts';
import type { DatabaseAdapter } from '../../lambdas/resources/database.ts';
import type { LostRow, TableLoss } from '../../lambdas/resources/postgres-lost-rows.ts';
import { baseFor, databaseOf, leaseOf, NOW } from '../kit/services.ts';

const SECRET = 'a-row-of-the-workload';
const loss = (over: Partial<TableLoss> = {}): TableLoss => ({
  table: 'public.orders',
  absent: 2,
  differs: 1,
  uncompared: 0,
  present: 5,
  ...over,
});
const searched = { state: 'searched' as const, end: { epoch: 3, at: '2026-11-20T11:59:00.000Z', snapshot: '7:9:' }, unread: [] };

/** A site with one former writer queued, and all that was told, saved and exported. */
const site = async (searchLostRows: DatabaseAdapter['searchLostRows'], startedAgoMs?: number) => {
  const base = baseFor(leaseOf({ holder: 'primary', epoch: 4 }));
  const search = { workload: 'orders', database: 'orders', site: 'recovery', epoch: 4, instance: 'orders-replica-before-epoch-4' } as const;
  const searches = new LostRowsSearches(base.ledger);
  await searches.queue({ ...search, queuedAt: new Date(NOW).toISOString() });
  if (startedAgoMs !== undefined)
    await searches.note(
      { ...search, queuedAt: '', state: 'queued' },
      { state: 'searching', startedAt: new Date(NOW - startedAgoMs).toISOString() },
    );
  const incident = {
    incident: 'run-1',
    workload: 'orders',
    execution: 'run-1',
    mode: 'failover',
    trigger: 'alarm',
    reason: 'test',
  } as const;
  const moved = {
    from: 'recovery',
    to: 'primary',
    epoch: 3,
    takenEpoch: 4,
    openedAt: new Date(NOW - 60_000).toISOString(),
    outcome: 'recovered',
  } as const;
  await base.incidents.open({ ...incident, ...moved });
  const told: { subject: string; facts: Record<string, unknown> }[] = [];
  const saved: IncidentRecord[] = [];
  const exported: { folder: string; rows: LostRow[]; manifests: object[] } = { folder: '', rows: [], manifests: [] };
  const services = {
    ...base,
    databasesFor: () => [databaseOf({ searchLostRows })],
    exportTo: (folder: string) => {
      exported.folder = folder;
      return {
        take: async (_: string, rows: readonly LostRow[]) => void exported.rows.push(...rows),
        finish: async () => {},
        close: async (manifest: object) => {
          exported.manifests.push(manifest);
          return 's3://lost-rows/manifest.json';
        },
      };
    },
    tell: async (subject: string, facts: Record<string, unknown>) => void told.push({ subject, facts }),
    save: async (record: IncidentRecord) => {
      saved.push(record);
      return 's3://evidence/record.json';
    },
  };
  const run = () => runStep(exportLostRows, {}, services);
  const state = async () => (await searches.all('orders'))[0]!;
  return { run, state, told, saved, exported, base };
};

describe('export-lost-rows', () => {
  it('exports what is found, counts it in the ledger, the record and the message, and keeps every row out of them', async () => {
    const { run, state, told, saved, exported, base } = await site(async (epoch, { take, finish }) => {
      expect(epoch).toBe(4);
      await take('public.orders', [{ finding: 'absent', key: '{"id": 1}', row: JSON.stringify({ id: 1, note: SECRET }) }]);
      await finish(loss());
      return searched;
    });
    expect(await run()).toEqual({ states: { 'orders/orders@4': 'done' } });
    expect(exported.folder).toBe('orders/orders/before-epoch-4');
    expect(exported.rows).toHaveLength(1);
    expect(exported.manifests[0]).toMatchObject({
      absent: 2,
      differs: 1,
      replicatedTo: searched.end.at,
      notFound: expect.stringContaining('deletes'),
    });
    expect(await state()).toMatchObject({ state: 'done', absent: 2, differs: 1, present: 5, manifest: 's3://lost-rows/manifest.json' });
    expect(told.map(({ subject }) => subject)).toEqual(['orders: 3 rows of the former writer exported']);
    expect(saved[0]!.incident).toMatchObject({
      incident: 'run-1',
      lostRows: { orders: { absent: 2, differs: 1, manifest: expect.any(String) } },
    });
    expect(saved[0]!.timeline.map(({ step }) => step)).toContain('export-lost-rows');
    expect(JSON.stringify([told, saved, exported.manifests, [...base.memory.items]])).not.toContain(SECRET);
    // Once is enough.
    expect(await run()).toEqual({ states: {} });
  });

  it('asks again in a minute when the replica is not there yet', async () => {
    const { run, state, told } = await site(async () => {
      throw new NotReady('orders-replica is no replica of the new writer yet');
    });
    expect(await run()).toEqual({ states: { 'orders/orders@4': expect.stringContaining('no replica') } });
    expect(await state()).toMatchObject({ state: 'queued' });
    expect(told).toEqual([]);
  });

  it('says which tables it could not search, and takes up the rest later without the finished ones', async () => {
    const asked: string[][] = [];
    const { run, state, told } = await site(async (_, { done, finish }) => {
      asked.push([...done]);
      if (done.size === 0) await finish(loss({ absent: 0, differs: 0 }));
      return { ...searched, unread: [{ table: 'public.secret', reason: 'no right' }] };
    });
    await run();
    expect(await state()).toMatchObject({ state: 'incomplete', tries: 1, unread: [{ table: 'public.secret', reason: 'no right' }] });
    expect(told[0]!.subject).toBe('orders: no row of the former writer is lost, search incomplete');
    expect(await run()).toEqual({ states: {} }); // not at once
    expect(asked).toEqual([[]]);
  });

  it('takes over a search whose function died, and leaves one alone that may still run', async () => {
    const alive = await site(async () => searched, 60_000);
    expect(await alive.run()).toEqual({ states: {} });
    const dead = await site(async () => searched, 17 * 60_000);
    expect(await dead.run()).toEqual({ states: { 'orders/orders@4': 'done' } });
  });

  it('a former writer that somebody deleted is said, never counted as no loss', async () => {
    const { run, state, told, saved } = await site(async () => ({ state: 'nothing-kept' }));
    await run();
    expect(await state()).toMatchObject({ state: 'nothing-kept' });
    expect((await state()).absent).toBeUndefined();
    expect(told[0]!.subject).toContain('cannot be searched');
    expect(saved).toHaveLength(1);
  });

  it.each<[string, Partial<Incident>[], string | undefined]>([
    [
      'not an older one, nor a later one',
      [
        { incident: 'run-1', takenEpoch: 3 },
        { incident: 'before', takenEpoch: 2 },
        { incident: 'after', takenEpoch: 6 },
      ],
      'run-1',
    ],
    ['not one that took nothing', [{ incident: 'refused', outcome: 'aborted', takenEpoch: undefined }], 'run-1'],
    ['the last before it, when the new holder took its lease anew since', [{ incident: 'run-1', takenEpoch: 3 }], 'run-1'],
    [
      'none, when this site itself took last',
      [
        { incident: 'run-1', takenEpoch: 2 },
        { incident: 'back', to: 'recovery', takenEpoch: 3 },
      ],
      undefined,
    ],
  ])('writes into the incident whose take made the writer a former one: %s', async (_, others, expected) => {
    const { run, base, told } = await site(async () => searched);
    for (const { incident = '', ...over } of others) {
      const known = await base.incidents.find(incident, 'orders');
      if (known) await base.incidents.note(incident, 'orders', over);
      else await base.incidents.open({ ...(await base.incidents.get('run-1', 'orders')), incident, ...over });
    }
    await run();
    expect(told[0]!.facts.incident).toBe(expected);
  });
});
