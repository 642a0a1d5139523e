import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { AccountPrincipal, PolicyStatement, PrincipalWithConditions, Role } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import type { Environment, SiteName } from '../environments/schema.ts';
import { acceptWildcard } from './nag.ts';
import { Names, partitionOf } from './names.ts';

export interface VaultStackProps extends StackProps {
  environment: Environment;
  /** Its region's home role. The role of the account, which is in all regions, stands in the primary's stack. */
  site: SiteName;
}

/**
 * The other account's side of `copyToAccount`, in one region: a key of its own, and once the role that Lifeboat's step takes on. The role
 * lists and copies; it deletes nothing, changes nothing, and shares nothing. What is kept for how long, and what is shared back, is that
 * account's affair; its key lets the source's account read what is.
 */
export class VaultStack extends Stack {
  constructor(scope: Construct, id: string, { environment, site, ...props }: VaultStackProps) {
    super(scope, id, props);
    const names = new Names(environment);
    const key = new Key(this, 'Key', {
      alias: names.vault,
      description: `Lifeboat ${environment.name}: copies of backups of account ${environment.account}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.letSourceReadBack(key, environment.account);
    if (site === 'primary') this.createRole(environment, names);
  }

  /**
   * After a loss this account's people share a copy back, and RDS reads it for whoever copies it there. The key alone opens nothing: what
   * is not shared, nobody of the other account can name.
   */
  private letSourceReadBack(key: Key, source: string): void {
    const principals = [new AccountPrincipal(source)];
    const throughRds = { StringEquals: { 'kms:ViaService': `rds.${this.region}.amazonaws.com` } };
    const resources = ['*']; // in a key's policy: this key
    const actions = ['Decrypt', 'DescribeKey', 'ReEncryptFrom', 'GenerateDataKeyWithoutPlaintext'].map((action) => `kms:${action}`);
    key.addToResourcePolicy(new PolicyStatement({ sid: 'SourceReadsBack', principals, actions, resources, conditions: throughRds }));
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SourceGrantsBack',
        principals,
        actions: ['kms:CreateGrant'],
        resources,
        conditions: { ...throughRds, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      }),
    );
  }

  private createRole(environment: Environment, names: Names): void {
    const regions = [environment.sites.primary.region, environment.sites.recovery.region];
    const role = new Role(this, 'Role', {
      roleName: names.vault,
      description: `Copies backups of Lifeboat ${environment.name} into this account`,
      assumedBy: new PrincipalWithConditions(new AccountPrincipal(environment.account), {
        StringEquals: { 'sts:ExternalId': names.vault },
        ArnEquals: {
          'aws:PrincipalArn': regions.map(
            (region) => `arn:${partitionOf(region)}:iam::${environment.account}:role/${names.copierRole(region)}`,
          ),
        },
      }),
    });
    const own = (region: string, kind: string) => `arn:${partitionOf(region)}:rds:${region}:${this.account}:${kind}`;
    const theirs = (region: string) => names.arn('rds', region, `snapshot:${names.prefix}-*`);
    const listed = regions.flatMap((region) => [own(region, 'snapshot:*'), own(region, 'db:*')]);
    const copied = regions.flatMap((region) => [own(region, `snapshot:${names.prefix}-*`), theirs(region)]);
    role.addToPolicy(new PolicyStatement({ actions: ['rds:DescribeDBSnapshots'], resources: listed }));
    role.addToPolicy(new PolicyStatement({ actions: ['rds:CopyDBSnapshot', 'rds:AddTagsToResource'], resources: copied }));
    for (const arn of listed) acceptWildcard(role, arn, 'a list of snapshots is a right on all of them');
    for (const arn of copied) acceptWildcard(role, arn, "each snapshot is named when it is taken, under a prefix that is Lifeboat's");
    for (const region of regions) this.useKeys(role, region, names, environment.account);
  }

  /** Through RDS alone: theirs to read, this account's of one alias to write. */
  private useKeys(role: Role, region: string, names: Names, source: string): void {
    const throughRds = { 'kms:ViaService': `rds.${region}.amazonaws.com` };
    const keys = (account: string) => `arn:${partitionOf(region)}:kms:${region}:${account}:key/*`;
    const actions = (...each: string[]) => each.map((action) => `kms:${action}`);
    role.addToPolicy(
      new PolicyStatement({
        actions: actions('Decrypt', 'DescribeKey', 'ReEncryptFrom', 'GenerateDataKeyWithoutPlaintext', 'CreateGrant'),
        resources: [keys(source)],
        conditions: { StringEquals: throughRds },
      }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: actions('Decrypt', 'DescribeKey', 'Encrypt', 'ReEncryptTo', 'GenerateDataKeyWithoutPlaintext', 'CreateGrant'),
        resources: [keys(this.account)],
        conditions: {
          StringEquals: throughRds,
          'ForAnyValue:StringEquals': { 'kms:ResourceAliases': `alias/${names.vault}` },
        },
      }),
    );
    acceptWildcard(role, keys(source), "the key is the source's, whose policy lets this role read; the condition holds it to RDS");
    acceptWildcard(role, keys(this.account), 'the key is known by its alias, which the condition names; it holds it to RDS too');
  }
}
