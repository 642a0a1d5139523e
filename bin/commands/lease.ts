import { DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import type pg from 'pg';
import type { Database, Environment, SiteName } from '../../environments/schema.ts';
import { Postgres } from '../../lambdas/resources/postgres.ts';
import { type DatabaseLeaseStatus, installLease, leaseStatus, removeLease } from '../../lambdas/resources/postgres-lease.ts';
import { type Operator, UsageError, wholeNumber } from './operator.ts';

/** Three of the guard's rounds, and a start of its loop that comes as late as the scheduler may. */
const renewedWithinMs = ({ lease }: Environment): number => (3 * lease.renewEverySeconds + 60) * 1_000;
const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export type LeaseVerb = 'install' | 'remove' | 'status';
export interface LeaseOptions {
  database: string;
  workload?: string;
  site?: SiteName;
  /** Where the database is reached instead of its own address, for example the near end of a tunnel. */
  host?: string;
  port?: string;
}

/** Runs work on a session at one site's database. */
export type WithDatabase = <T>(database: Database, site: SiteName, work: (client: pg.ClientBase) => Promise<T>) => Promise<T>;

/**
 * Installs, removes or shows the database lease of one database, in the active site unless told otherwise: the other site's follows by
 * replication. Exit code 1 where not every table is covered afterwards, by the checks of this version.
 */
export const manageLease = async (
  operator: Pick<Operator, 'environment' | 'ledger' | 'regionOf' | 'print'>,
  verb: LeaseVerb,
  options: LeaseOptions,
  withDatabase: WithDatabase = overTheNetwork(operator, options),
): Promise<void> => {
  const { environment, ledger, print } = operator;
  const { workload, database } = find(environment, options);
  const site = options.site ?? (await ledger.lease(workload))?.holder ?? 'primary';
  const status = await withDatabase(database, site, async (client) => {
    if (verb === 'install') return installLease(client, { renewedWithinMs: renewedWithinMs(environment), sleep });
    if (verb === 'remove') await removeLease(client);
    return leaseStatus(client);
  });
  print({ workload, database: database.name, site, ...status }, () => textOf(`${workload}/${database.name} in ${site}`, status));
  if (verb !== 'remove' && status.state !== 'installed') process.exitCode = 1;
};

const find = (environment: Environment, { database: name, workload: within }: LeaseOptions): { workload: string; database: Database } => {
  const all = environment.workloads.flatMap(({ name: workload, databases }) => databases.map((database) => ({ workload, database })));
  const found = all.filter(({ workload, database }) => database.name === name && (!within || workload === within));
  if (found.length === 1) return found[0]!;
  const known = all.map(({ workload, database }) => `${workload}/${database.name}`).join(', ');
  if (found.length > 1) throw new UsageError(`--database ${name} is in several workloads; add --workload. Known: ${known}`);
  throw new UsageError(`--database ${name} is unknown in environment '${environment.name}'; known: ${known || 'none'}`);
};

const overTheNetwork = ({ regionOf }: Pick<Operator, 'regionOf'>, { host, port: given }: LeaseOptions): WithDatabase => {
  const port = given === undefined ? undefined : wholeNumber('--port', given);
  return async (database, site, work) => {
    const region = regionOf(site);
    // The clients that the functions use take their region from here, as in Lambda.
    process.env.AWS_REGION = region;
    const { databaseName, secret, tls } = database;
    // Through a tunnel, too, the certificate is the instance's own.
    const verifyAs = tls || host === undefined ? await addressOf(database.instances[site], region) : undefined;
    const options = { host: async () => host ?? verifyAs!, port: port ?? database.port, databaseName, secret, tls, verifyAs };
    return new Postgres(options).with(work).catch((error: unknown) => {
      throw isUnknownAuthority(error) ? new Error(`${(error as Error).message}. ${TRUST}`, { cause: error }) : error;
    });
  };
};

/** Lambda has the authorities of RDS; a laptop has to be given them. */
const TRUST =
  'This machine does not know the authority that signs the certificates of RDS: download ' +
  'https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem and give its path, NODE_EXTRA_CA_CERTS=<file> npx lifeboat lease …';

/** Node's words for a chain that ends in nobody whom it trusts. */
const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

const isUnknownAuthority = (error: unknown): boolean =>
  UNTRUSTED.has(String(((error as Error).cause as { code?: unknown } | undefined)?.code));

const addressOf = async (identifier: string, region: string): Promise<string> => {
  const rds = new RDSClient({ region, maxAttempts: 2 });
  const { DBInstances } = await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: identifier }));
  const address = DBInstances?.[0]?.Endpoint?.Address;
  if (!address) throw new Error(`DB instance ${identifier} in ${region} has no address yet`);
  return address;
};

const textOf = (what: string, { state, epoch, remainingMs, closed, covered, uncovered, coversNewTables }: DatabaseLeaseStatus): string => {
  if (state === 'absent') return `${what}: no database lease; only the guard ends the workload's writes`;
  const seconds = Math.round((remainingMs ?? 0) / 1_000);
  const right = closed ? 'closed' : seconds > 0 ? `may write for ${seconds} s` : 'expired: writes are refused';
  const lines = [
    `${what}: ${state}${state === 'outdated' ? ', by the checks of another version of Lifeboat: install again' : ''}`,
    `  lease      ${epoch === undefined ? 'never renewed' : `epoch ${epoch}, ${right}`}`,
    `  tables     ${covered} of ${covered + uncovered.length} covered; new ones ${coversNewTables ? 'as they are made' : 'by another install'}`,
    ...uncovered.map(({ table, reason }) => `  uncovered  ${table}: ${reason}`),
  ];
  return lines.join('\n');
};
