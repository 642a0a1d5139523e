import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LeaseOptions, type LeaseVerb, manageLease } from '../../bin/commands/lease.ts';
import demo from '../../environments/demo.ts';
import { CertificateAuthority } from '../../lab/postgres/certificate.ts';
import { renewLease } from '../../lambdas/resources/postgres-lease.ts';
import { leaseOf, MemoryLedger } from '../kit/services.ts';
import { WorkloadDatabase } from '../resources/database.ts';
import { startFakeAws } from '../resources/fake-aws.ts';

let database: WorkloadDatabase;
let master: pg.Client;

const OWN_ADDRESS = 'orders-primary.abc.us-east-1.rds.amazonaws.com';
const authority = new CertificateAuthority();
/** What RDS calls the instance's address. */
let known = OWN_ADDRESS;
let aws: { close: () => void };

beforeAll(async () => {
  database = await WorkloadDatabase.start(authority.certify([OWN_ADDRESS]));
  master = await database.master();
  aws = await startFakeAws('us-east-1', (body, response) => {
    const address = `<DBInstance><Endpoint><Address>${known}</Address></Endpoint></DBInstance>`;
    const described = `<R><DescribeDBInstancesResult><DBInstances>${address}</DBInstances></DescribeDBInstancesResult></R>`;
    const secret = { SecretString: JSON.stringify({ username: 'lifeboat_admin', password: 'correct-horse' }) };
    response.end(body.includes('DescribeDBInstances') ? described : JSON.stringify(secret));
  });
}, 60_000);
afterAll(() => {
  aws.close();
  return database.stop();
}, 30_000);
afterEach(() => {
  process.exitCode = undefined;
});

/** The command against a real database, with what it printed. */
const lease = async (verb: LeaseVerb, options: LeaseOptions = { database: 'orders' }, holder: 'primary' | 'recovery' = 'primary') => {
  process.exitCode = undefined;
  const printed: { document: unknown; text: string }[] = [];
  await manageLease(
    {
      environment: demo,
      ledger: new MemoryLedger(leaseOf({ holder })) as never,
      regionOf: (site) => demo.sites[site].region,
      print: (document, text) => printed.push({ document, text: text() }),
    },
    verb,
    options,
    (_, __, work) => work(master),
  );
  return { ...printed[0]!, exitCode: process.exitCode };
};

it('installs, shows and removes, in the active site', async () => {
  expect((await lease('status')).text).toMatch(/no database lease; only the guard/);
  const session = await database.master();
  const guard = setInterval(() => void renewLease(session, 3, () => 15_000), 200);
  const installed = await lease('install', undefined, 'recovery').finally(() => clearInterval(guard));
  expect(installed.document).toMatchObject({ workload: 'orders', database: 'orders', site: 'recovery', state: 'installed', epoch: 3 });
  expect(installed.exitCode).toBeUndefined();
  expect(installed.text).toMatch(/epoch 3, may write for 1\d s\n {2}tables {5}3 of 3 covered; new ones by another install/);
  await master.query('CREATE TABLE later (id int)');
  const status = await lease('status');
  expect(status.text).toMatch(/partial[\s\S]*uncovered {2}later: no check/);
  expect(status.exitCode).toBe(1);
  expect((await lease('remove')).document).toMatchObject({ state: 'absent' });
});

it('names the databases that there are', async () => {
  await expect(lease('status', { database: 'nonsense' })).rejects.toThrow(
    "--database nonsense is unknown in environment 'demo'; known: orders/orders",
  );
});

describe('through a tunnel', () => {
  /** The command line as a person calls it, who trusts the authority or does not: Node reads whom to trust when it starts. */
  const status = async (trusts: boolean): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'lifeboat-lease-'));
    const words = ['--env', 'demo', '--json', 'lease', 'status', '--database', 'orders', '--site', 'primary'];
    const tunnel = ['--host', 'localhost', '--port', String(database.primary.port)];
    const file = join(folder, 'authority.pem');
    writeFileSync(file, authority.certificate);
    const env = trusts ? { ...process.env, NODE_EXTRA_CA_CERTS: file } : process.env;
    try {
      return await new Promise((resolve) => {
        execFile(process.execPath, ['bin/lifeboat.mjs', ...words, ...tunnel], { env }, (_, stdout, stderr) => resolve(stdout || stderr));
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("says where a laptop gets the authority that signs RDS's certificates", async () => {
    expect(await status(false)).toMatch(/cannot connect to localhost: .*global-bundle\.pem.*NODE_EXTRA_CA_CERTS=<file> npx lifeboat lease/);
  }, 30_000);

  it("asks for the instance's own certificate, whatever the near end is called, and for no other's", async () => {
    expect(JSON.parse(await status(true))).toMatchObject({ site: 'primary', state: 'absent' });
    known = 'another.abc.us-east-1.rds.amazonaws.com';
    expect(await status(true)).toContain(`Host: ${known}. is not in the cert's altnames`);
  }, 30_000);
});
