/**
 * What the database lease costs: single-row INSERT and UPDATE, one statement a transaction, and bulk INSERT, on twin tables with and
 * without the checks, in turns, over one connection with prepared statements.
 *
 *     node --import tsx test/lease/overhead.ts [rounds] [statements a round]
 */
import os from 'node:os';
import type pg from 'pg';
import { prepareLease, renewLease } from '../../lambdas/resources/postgres-lease.ts';
import { WorkloadDatabase } from '../resources/database.ts';

const [rounds = 120, statements = 300] = process.argv.slice(2).map(Number);
const BULK_ROWS = 10_000;
const KEPT_ROWS = 1_000;
const TABLES = { without: 'bare', with: 'leased' } as const;
type Side = keyof typeof TABLES;
const SIDES = ['without', 'with'] as const;
const KINDS = ['insert', 'update', 'bulk insert, a row'] as const;

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
let nextId = KEPT_ROWS + 1;

/** Microseconds a piece of work. */
const timed = async (pieces: number, work: () => Promise<void>): Promise<number> => {
  const began = performance.now();
  await work();
  return ((performance.now() - began) * 1_000) / pieces;
};

const repeat = async (client: pg.Client, name: string, text: string, value: (i: number) => number): Promise<void> => {
  for (let i = 0; i < statements; i++) await client.query({ name, text, values: [value(i)] });
};

const round = async (client: pg.Client, table: string): Promise<number[]> => [
  await timed(statements, () => repeat(client, `insert ${table}`, `INSERT INTO ${table} (id) VALUES ($1)`, () => nextId++)),
  await timed(statements, () =>
    repeat(client, `update ${table}`, `UPDATE ${table} SET n = n + 1 WHERE id = $1`, (i) => 1 + ((i * 7) % KEPT_ROWS)),
  ),
  await timed(BULK_ROWS, async () => {
    await client.query(`INSERT INTO ${table} (id) SELECT generate_series($1::bigint, $1::bigint + $2 - 1)`, [nextId, BULK_ROWS]);
    nextId += BULK_ROWS;
  }),
];

const database = await WorkloadDatabase.start();
try {
  const master = await database.master();
  await prepareLease(master);
  await renewLease(master, 1, () => 86_400_000);
  for (const table of Object.values(TABLES)) {
    await master.query(`CREATE TABLE ${table} (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0); GRANT ALL ON ${table} TO orders_app`);
    await master.query(`INSERT INTO ${table} SELECT generate_series(1, ${KEPT_ROWS})`);
  }
  await master.query(`SELECT lifeboat.cover_table('${TABLES.with}')`);
  const app = await database.application();
  const measured: Record<Side, number[][]> = { without: [], with: [] };
  for (let i = 0; i <= rounds; i++) {
    if (i % 10 === 0) for (const table of Object.values(TABLES)) await master.query(`VACUUM ${table}`);
    for (const side of i % 2 ? SIDES : [...SIDES].reverse()) {
      const times = await round(app, TABLES[side]);
      await master.query(`DELETE FROM ${TABLES[side]} WHERE id > ${KEPT_ROWS}`);
      if (i > 0) measured[side].push(times); // the first round warms up
    }
  }
  console.log(`${os.cpus().length} x ${os.cpus()[0]?.model}, ${os.release()}, Node ${process.version}`);
  console.log((await master.query('SELECT version()')).rows[0].version);
  console.log(`medians of ${rounds} rounds of ${statements} statements, load average ${os.loadavg()[0]?.toFixed(1)}`);
  for (const [kind, name] of KINDS.entries())
    for (const [how, pick] of [
      ['median', median],
      ['quickest', (values: number[]) => Math.min(...values)],
    ] as const) {
      const [without, withLease] = SIDES.map((side) => pick(measured[side].map((times) => times[kind]!)));
      const [a, b, more, ratio] = [without!, withLease!, withLease! - without!, withLease! / without!].map((value) => value.toFixed(2));
      console.log(`${name.padEnd(20)} ${how.padEnd(8)} without ${a} us, with ${b} us, +${more} us, x ${ratio}`);
    }
} finally {
  await database.stop();
}
