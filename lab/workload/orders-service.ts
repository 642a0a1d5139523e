import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool, type PoolClient } from 'pg';

/**
 * The demo's application: orders in PostgreSQL, behind HTTP. It knows its own region's database and nothing of any other region.
 * Configuration comes from the environment, as in a container.
 */
const { PORT = '8080', AWS_REGION: site = 'local', THIRD_PARTY_URL = '' } = process.env;
const { DATABASE_HOST, DATABASE_PORT = '5432', DATABASE_NAME = 'orders', DATABASE_USER = 'orders_app', DATABASE_PASSWORD } = process.env;
const TIMEOUT_MS = 1_500;
const THIRD_PARTY_EVERY_MS = 5_000;
const BODY_LIMIT_BYTES = 64 * 1024;

const pool = new Pool({
  host: DATABASE_HOST,
  port: Number(DATABASE_PORT),
  database: DATABASE_NAME,
  user: DATABASE_USER,
  password: DATABASE_PASSWORD,
  max: 10,
  connectionTimeoutMillis: TIMEOUT_MS,
  statement_timeout: TIMEOUT_MS,
  query_timeout: TIMEOUT_MS,
  idleTimeoutMillis: 10_000,
  application_name: `orders-service ${site}`,
});
// An idle connection that breaks is replaced by the next request; without a listener it would end the process.
pool.on('error', () => {});

interface Order {
  id: string;
  amount: number;
  client: string;
}

/** Runs work in one transaction; a connection on which anything failed is not used again. */
async function transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const placeOrder = (order: Order) =>
  transaction(async (client) => {
    const { id, amount, client: buyer } = order;
    const details = JSON.stringify({ currency: 'EUR', lines: 1 });
    const checksum = createHash('md5').update([id, buyer, amount, site, details].join('|')).digest('hex');
    await client.query('INSERT INTO orders (id, client, amount, site, details, checksum) VALUES ($1, $2, $3, $4, $5, $6)', [
      id,
      buyer,
      amount,
      site,
      details,
      checksum,
    ]);
    await client.query('INSERT INTO order_lines (order_id, line, amount) VALUES ($1, 1, $2)', [id, amount]);
  });

/** The whole way of a write: accepted, committed, and read back in another transaction. */
async function writeAndReadBack(): Promise<void> {
  const marker = randomUUID();
  await transaction((client) =>
    client.query(
      'INSERT INTO health_markers (site, marker) VALUES ($1, $2) ON CONFLICT (site) DO UPDATE SET marker = excluded.marker, written_at = clock_timestamp()',
      [site, marker],
    ),
  );
  const { rows } = await pool.query<{ marker: string }>('SELECT marker FROM health_markers WHERE site = $1', [site]);
  if (rows[0]?.marker !== marker) throw new Error('the marker read back is not the one written');
}

let thirdParty: 'ok' | 'failing' | 'unchecked' = 'unchecked';
async function checkThirdParty(): Promise<void> {
  const answer = await fetch(THIRD_PARTY_URL, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => undefined);
  thirdParty = answer?.ok ? 'ok' : 'failing';
}

async function health(): Promise<[number, object]> {
  await pool.query('SELECT 1 FROM orders LIMIT 1');
  return [200, { status: thirdParty === 'failing' ? 'degraded' : 'healthy', site, checks: { database: 'ok', payments: thirdParty } }];
}

async function count(): Promise<[number, object]> {
  const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM orders');
  return [200, { count: Number(rows[0]?.count), site }];
}

async function order(request: IncomingMessage): Promise<[number, object]> {
  const given = parseOrder(await readBody(request));
  if (!given) return [400, { error: 'an order is {"id": text, "amount": whole number above 0, "client": text}' }];
  await placeOrder(given);
  return [201, { id: given.id, site }];
}

function parseOrder(text: string): Order | undefined {
  try {
    const { id, amount, client } = JSON.parse(text) as Partial<Order>;
    const valid = typeof id === 'string' && typeof client === 'string' && Number.isSafeInteger(amount) && Number(amount) > 0;
    return valid ? { id, amount: Number(amount), client } : undefined;
  } catch {
    return undefined;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > BODY_LIMIT_BYTES) return '';
  }
  return body;
}

async function route(request: IncomingMessage): Promise<[number, object]> {
  switch (`${request.method} ${request.url}`) {
    case 'GET /health':
      return health();
    case 'POST /health/write':
      await writeAndReadBack();
      return [200, { status: 'healthy', site }];
    case 'POST /orders':
      return order(request);
    case 'GET /orders/count':
      return count();
    default:
      return [404, { error: 'not found' }];
  }
}

const UNIQUE_VIOLATION = '23505';
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [status, body] = await route(request).catch((error: Error & { code?: string }): [number, object] => [
    error.code === UNIQUE_VIOLATION ? 409 : 503,
    { status: 'unhealthy', site, error: error.message },
  ]);
  response.writeHead(status, { 'content-type': 'application/json', 'x-site': site, ...(draining ? { connection: 'close' } : {}) });
  response.end(JSON.stringify(body));
}

let draining = false;
const server = createServer((request, response) => void answer(request, response));
server.listen(Number(PORT), '127.0.0.1');
if (THIRD_PARTY_URL) {
  void checkThirdParty();
  setInterval(() => void checkThirdParty(), THIRD_PARTY_EVERY_MS).unref();
}

// Requests in flight are finished, then the pool is closed and the process ends.
process.once('SIGTERM', () => {
  draining = true;
  server.close(() => void pool.end().finally(() => process.exit(0)));
  server.closeIdleConnections();
});
