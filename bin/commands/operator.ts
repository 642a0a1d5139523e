import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import { environmentsIn, load } from '../../environments/load.ts';
import type { Environment, SiteName } from '../../environments/schema.ts';
import { Ledger } from '../../lambdas/kit/ledger.ts';
import { sayingWhere } from './saying-where.ts';

export interface Common {
  env?: string;
  region?: string;
  json?: boolean;
}

/** What every command works with: the environment, and clients with bounds. Credentials are the person's own. */
export interface Operator {
  environment: Environment;
  json: boolean;
  /** Only where one was given. */
  region?: string;
  ledger: Ledger;
  regionOf(site: SiteName): string;
  stateMachineArn(region: string, machine: string): string;
  sfn(region: string): SFNClient;
  print(document: unknown, text: () => string): void;
}

/** The call was wrong, not the world: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const LIMITS = { maxAttempts: 2, requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true } };
const ENVIRONMENTS = join(import.meta.dirname, '../../environments');

/** @throws UsageError for no environment, or a region that is no site. */
export const connect = async ({ env, region, json = false }: Common): Promise<Operator> => {
  // No default: what is meant for one environment must not be done to another.
  if (!env)
    throw new UsageError(`which environment? Add --env <name>, or set LIFEBOAT_ENV; there are: ${environmentsIn(ENVIRONMENTS).join(', ')}`);
  const environment = await load(env);
  const regionOf = (site: SiteName) => environment.sites[site].region;
  // The recovery region's replica first: the one that answers on the day when the primary's does not.
  const regions = [regionOf('recovery'), regionOf('primary')] as const;
  const asked = region ? regions.find((each) => each === region) : regions[0];
  if (!asked) throw new UsageError(`--region ${region} is no site of '${env}'; its sites: ${regions.join(', ')}`);
  const prefix = `lifeboat-${environment.name}`;
  const table = `${prefix}-ledger`;
  return {
    environment,
    json,
    region,
    ledger: sayingWhere(new Ledger(table, { region: asked }), { table, region: asked, other: regions.find((each) => each !== asked)! }),
    regionOf,
    stateMachineArn: (at, machine) => `arn:aws:states:${at}:${environment.account}:stateMachine:${prefix}-${machine}`,
    sfn: (at) => new SFNClient({ region: at, ...LIMITS }),
    print: (document, text) => process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${text()}\n`),
  };
};

/** How a person calls this program for the same environment and by way of the same region. */
export const calledAs = ({ environment, region }: Pick<Operator, 'environment' | 'region'>): string =>
  `npx lifeboat --env ${environment.name}${region ? ` --region ${region}` : ''}`;

/** @throws UsageError for names that are no workload's. */
export const requireWorkloads = ({ name, workloads }: Environment, asked: readonly string[]): void => {
  const known = workloads.map((workload) => workload.name);
  const unknown = asked.filter((each) => !known.includes(each));
  if (unknown.length > 0) throw new UsageError(`no workload of environment '${name}': ${unknown.join(', ')}; known: ${known.join(', ')}`);
};

/** @throws UsageError for anything else. */
export const wholeNumber = (option: string, text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`${option} takes a whole number from 1, not '${text}'`);
  return Number(text);
};
