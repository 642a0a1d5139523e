import { SFNClient } from '@aws-sdk/client-sfn';
import { load } from '../../environments/load.ts';
import type { Environment, SiteName } from '../../environments/schema.ts';
import { Ledger } from '../../lambdas/kit/ledger.ts';

export interface Common {
  env: string;
  region?: string;
  json?: boolean;
}

/** What every command works with: the environment, and clients with bounds. Credentials are the person's own. */
export interface Operator {
  environment: Environment;
  json: boolean;
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

/** @throws UsageError for a region that is no site. */
export const connect = async ({ env, region, json = false }: Common): Promise<Operator> => {
  const environment = await load(env);
  const regionOf = (site: SiteName) => environment.sites[site].region;
  const regions = [regionOf('recovery'), regionOf('primary')];
  if (region && !regions.includes(region))
    throw new UsageError(`--region ${region} is no site of '${env}'; its sites: ${regions.join(', ')}`);
  const prefix = `lifeboat-${environment.name}`;
  return {
    environment,
    json,
    region,
    // The recovery region's replica: the one that answers on the day when the primary's does not.
    ledger: new Ledger(`${prefix}-ledger`, { region: region ?? regions[0] }),
    regionOf,
    stateMachineArn: (at, machine) => `arn:aws:states:${at}:${environment.account}:stateMachine:${prefix}-${machine}`,
    sfn: (at) => new SFNClient({ region: at, ...LIMITS }),
    print: (document, text) => process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${text()}\n`),
  };
};
