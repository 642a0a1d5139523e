import { type App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { InvalidEnvironment } from '../environments/define.ts';
import type { Environment, SiteName } from '../environments/schema.ts';
import type { Bundles } from './bundle.ts';
import { DnsStack } from './dns-stack.ts';
import { LedgerStack } from './ledger-stack.ts';
import { RoleSizeChecks } from './role-size.ts';
import { SiteStack } from './site-stack.ts';
import { VaultStack } from './vault-stack.ts';
import { WitnessStack } from './witness-stack.ts';

export interface LifeboatProps {
  environment: Environment;
  bundles: Bundles;
  /** Folder of the state machines' texts. */
  definitions: string;
}

export interface Lifeboat {
  ledger: LedgerStack;
  primary: SiteStack;
  recovery: SiteStack;
  witness: WitnessStack;
  dns: DnsStack;
}

/** An environment's stacks in its three regions, in the order of their deployment; beside each site's own, one for each workload. */
export const createLifeboat = (app: App, { environment, bundles, definitions }: LifeboatProps): Lifeboat => {
  // A template that CloudFormation would refuse fails here, not an hour later.
  app.node.setContext('@aws-cdk/core:validateAgainstDefaultRules', true);
  const { name, account, sites, witness, terminationProtection } = environment;
  const common = (kind: string, region: string, description: string) => ({
    stackName: `lifeboat-${name}-${kind}`,
    env: { account, region },
    terminationProtection,
    environment,
    description: `Lifeboat ${name}: ${description}`,
  });
  const site = (role: 'primary' | 'recovery') =>
    new SiteStack(app, `lifeboat-${name}-${role}`, {
      ...common('site', sites[role].region, `a site (home role ${role})`),
      bundles,
      definitions,
      site: role,
    });

  const ledger = new LedgerStack(app, `lifeboat-${name}-ledger`, common('ledger', sites.primary.region, 'leases and incidents'));
  const primary = site('primary');
  const recovery = site('recovery');
  const observer = new WitnessStack(app, `lifeboat-${name}-witness`, {
    ...common('witness', witness.region, 'the observer outside both sites'),
    bundles,
  });
  const dns = new DnsStack(app, `lifeboat-${name}-dns`, common('dns', sites.recovery.region, 'public names that follow the lease'));
  for (const stack of [primary, recovery, observer]) stack.addStackDependency(ledger);
  dns.addStackDependency(recovery);

  for (const [key, value] of Object.entries({ 'lifeboat:environment': name, ...environment.tags })) Tags.of(app).add(key, value);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new RoleSizeChecks(environment.quotas.managedPoliciesPerRole));
  return { ledger, primary, recovery, witness: observer, dns };
};

/**
 * The stacks of the vault's account, one in each site's region. Apart from the others: they are deployed once, by other people.
 * @throws InvalidEnvironment when the environment names no vault.
 */
export const createVault = (app: App, environment: Environment): Record<SiteName, VaultStack> => {
  app.node.setContext('@aws-cdk/core:validateAgainstDefaultRules', true);
  const { name, vault, sites, tags } = environment;
  if (!vault)
    throw new InvalidEnvironment(name, ["vault: is missing; name the account that keeps copies: vault: { account: '123456789012' }"]);
  const create = (site: SiteName) =>
    new VaultStack(app, `lifeboat-${name}-vault-${site}`, {
      stackName: `lifeboat-${name}-vault-${site}`,
      description: `Lifeboat ${name}: the account that keeps copies of backups`,
      env: { account: vault.account, region: sites[site].region },
      terminationProtection: environment.terminationProtection,
      environment,
      site,
    });
  const stacks = { primary: create('primary'), recovery: create('recovery') };
  for (const [key, value] of Object.entries({ 'lifeboat:environment': name, ...tags })) Tags.of(app).add(key, value);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return stacks;
};
