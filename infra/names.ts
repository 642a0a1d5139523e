import { RegionInfo } from 'aws-cdk-lib/region-info';
import type { Environment, SiteName } from '../environments/schema.ts';
import { type StepName, shortName } from './steps.ts';

/**
 * Every physical name that code, grants or another region rely on, and the ARNs made of them. All carry the environment's name, so
 * that two environments fit into one account, and all are plain text: no stack waits for another region's answer to know them.
 */
export class Names {
  readonly prefix: string;
  readonly ledger: string;
  readonly observations: string;
  readonly topic: string;
  readonly failures: string;

  constructor(private readonly environment: Environment) {
    this.prefix = `lifeboat-${environment.name}`;
    this.ledger = `${this.prefix}-ledger`;
    this.observations = `${this.prefix}-observations`;
    this.topic = `${this.prefix}-notifications`;
    this.failures = `${this.prefix}-failures`;
  }

  function(step: StepName): string {
    return `${this.prefix}-${shortName(step)}`;
  }

  machine(name: string): string {
    return `${this.prefix}-${name}`;
  }

  evidenceBucket(region: string): string {
    return `${this.prefix}-evidence-${this.environment.account}-${region}`;
  }

  lostRowsBucket(region: string): string {
    return `${this.prefix}-lost-rows-${this.environment.account}-${region}`;
  }

  /** The role in the vault's account that copies there, and its key in each region, by this name. */
  get vault(): string {
    return `${this.prefix}-vault`;
  }

  vaultRoleArn(account: string): string {
    return `arn:${partitionOf(this.regionOf('primary'))}:iam::${account}:role/${this.vault}`;
  }

  /** Of the step that takes on the vault's role: that account trusts it by name. */
  copierRole(region: string): string {
    return `${this.prefix}-copy-to-account-${region}`;
  }

  /** The name under which the recovery site's stack tells the DNS stack beside it about its beacon. */
  beaconExport(part: 'host' | 'token'): string {
    return `${this.prefix}-beacon-${part}`;
  }

  arn(service: string, region: string, resource: string): string {
    return `arn:${partitionOf(region)}:${service}:${region}:${this.environment.account}:${resource}`;
  }

  ledgerArn(region: string): string {
    return this.arn('dynamodb', region, `table/${this.ledger}`);
  }

  observationsArn(region: string): string {
    return this.arn('dynamodb', region, `table/${this.observations}`);
  }

  functionArn(step: StepName, region: string): string {
    return this.arn('lambda', region, `function:${this.function(step)}`);
  }

  evidenceArn(region: string): string {
    return `arn:${partitionOf(region)}:s3:::${this.evidenceBucket(region)}`;
  }

  lostRowsArn(region: string): string {
    return `arn:${partitionOf(region)}:s3:::${this.lostRowsBucket(region)}`;
  }

  /** Identifiers of the DB instances that the workloads have in a site. */
  instances(site: SiteName): string[] {
    return this.environment.workloads.flatMap(({ databases }) => databases.map(({ instances }) => instances[site]));
  }

  regionOf(site: SiteName): string {
    return this.environment.sites[site].region;
  }
}

export const partitionOf = (region: string): string => RegionInfo.get(region).partition ?? 'aws';
