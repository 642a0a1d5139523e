import pg from 'pg';
import type { Network } from '../types.ts';
import { MASTER_USER, type ProvisionedSite, type ProvisionedWorkload } from '../workload/provision.ts';
import type { SiteRows } from './judge/evidence.ts';

const TIMEOUT_MS = 5_000;
const RETRY_MS = 500;

/** Runs a query at a site's database, standing in its region. */
export async function query<T extends pg.QueryResultRow>(
  at: { network: Network; site: ProvisionedSite; workload: ProvisionedWorkload },
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const { network, site, workload } = at;
  const port = await network.route(site.region, site.databaseHost, site.databasePort);
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: MASTER_USER,
    password: workload.masterPassword,
    database: 'orders',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  client.on('error', () => {}); // The query's own rejection says the same.
  try {
    await client.connect();
    return (await client.query<T>(sql, values)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** All orders that a site's database holds; where it cannot be read in time, the reason. */
export async function readRows(
  at: { network: Network; site: ProvisionedSite; workload: ProvisionedWorkload },
  boundMs: number,
): Promise<SiteRows> {
  const sql = 'SELECT id, site, extract(epoch FROM recorded_at) * 1000 AS at FROM orders';
  const deadline = Date.now() + boundMs;
  for (;;) {
    try {
      const rows = await query<{ id: string; site: string; at: string }>(at, sql);
      return { site: at.site.region, rows: rows.map((row) => ({ id: row.id, site: row.site, recordedAt: Number(row.at) })) };
    } catch (error) {
      if (Date.now() > deadline) return { site: at.site.region, rows: [], unread: error instanceof Error ? error.message : String(error) };
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Resolves when a site's database has this order: replication has come so far. */
export async function untilRow(
  at: { network: Network; site: ProvisionedSite; workload: ProvisionedWorkload },
  id: string,
  boundMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + boundMs;
  let why = 'it is not there';
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    try {
      if ((await query(at, 'SELECT 1 FROM orders WHERE id = $1', [id])).length > 0) return;
      why = 'it is not there';
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  throw new Error(`order ${id} did not reach ${at.site.region} within ${Math.round(boundMs / 1_000)} s: ${why}`);
}
