import { readFileSync } from 'node:fs';
import type { Environment, SiteName, Workload } from '../../environments/schema.ts';
import { InvalidRequest } from './errors.ts';

export type { Compute, Database, Environment, SiteName, Workload } from '../../environments/schema.ts';

/** The plan lies beside the code: recovery reads no parameter store and no bucket to know what to do. */
export const loadPlan = (): Environment => JSON.parse(readFileSync(new URL('./plan.json', import.meta.url), 'utf8')) as Environment;

/** @throws InvalidRequest for a name that the environment does not know. */
export const workloadOf = (plan: Environment, name: string): Workload => {
  const workload = plan.workloads.find((candidate) => candidate.name === name);
  if (workload) return workload;
  throw new InvalidRequest(
    `workload '${name}' is unknown in environment '${plan.name}'; known: ${plan.workloads.map((known) => known.name).join(', ')}`,
  );
};

/** Lifeboat's own key in a region: copies lie under it, and what has no key of its owner's. */
export const keyAlias = ({ name }: Pick<Environment, 'name'>): string => `alias/lifeboat-${name}`;

export const otherSite = (site: SiteName): SiteName => (site === 'primary' ? 'recovery' : 'primary');

/** The site that a region is, or nothing for the witness. */
export const siteOf = (plan: Environment, region: string): SiteName | undefined =>
  region === plan.sites.primary.region ? 'primary' : region === plan.sites.recovery.region ? 'recovery' : undefined;

/** AWS, IAM user guide, 'ARNs', 2026-11. */
export const partitionOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
};

/** URL of a workload at one site's own load balancer, or, without a site, at its public name. */
export const urlOf = ({ endpoint }: Workload, path: string, site?: SiteName): string =>
  `${endpoint.scheme}://${site ? endpoint.targets[site] : endpoint.publicName}${path}`;
