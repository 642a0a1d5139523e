import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccountPrincipal, Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { type ITopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { Environment, SiteName } from '../environments/schema.ts';
import type { Bundles } from './bundle.ts';
import { Names } from './names.ts';
import { Notification } from './notification.ts';
import { Rights } from './rights.ts';

export interface FoundationProps {
  environment: Environment;
  bundles: Bundles;
  /** Nothing for the witness. */
  site?: SiteName;
}

/** Where what a site has for one workload alone is made, and its region's topic, by name. */
export interface WorkloadScope {
  stack: Stack;
  topic: ITopic;
}

/** What all constructs of one region stand on: the plan, the names, the region's key and its way to tell people. */
export class Foundation extends Construct {
  readonly environment: Environment;
  readonly bundles: Bundles;
  readonly site: SiteName | undefined;
  readonly region: string;
  readonly names: Names;
  readonly rights: Rights;
  readonly key: Key;
  readonly notification: Notification;
  private readonly workloads = new Map<string, WorkloadScope>();

  constructor(scope: Construct, id: string, { environment, bundles, site }: FoundationProps) {
    super(scope, id);
    this.environment = environment;
    this.bundles = bundles;
    this.site = site;
    this.region = Stack.of(this).region;
    this.names = new Names(environment);
    this.rights = new Rights(environment, this.names, this.region, site);
    this.key = this.createKey();
    this.notification = new Notification(this, 'Notification', this);
  }

  /** A workload's own stack beside the site's, and deployed after it; made when it is first asked for. */
  ofWorkload(workload: string): WorkloadScope {
    const known = this.workloads.get(workload);
    if (known) return known;
    const site = Stack.of(this);
    const stack = new Stack(site.node.scope!, `${site.node.id}-${workload}`, {
      stackName: `${this.names.prefix}-workload-${workload}`,
      env: { account: site.account, region: site.region },
      terminationProtection: site.terminationProtection,
      description: `Lifeboat ${this.environment.name}: the alarms of workload ${workload} in this site`,
    });
    stack.addStackDependency(site);
    // By name: a reference would make an export, which no later deployment could change while it is used.
    const topic = Topic.fromTopicArn(stack, 'Topic', this.names.arn('sns', this.region, this.names.topic));
    this.workloads.set(workload, { stack, topic });
    return { stack, topic };
  }

  /** One key for all that this region keeps. Retained: evidence that nobody can decrypt is no evidence. */
  private createKey(): Key {
    const key = new Key(this, 'Key', {
      alias: this.names.prefix,
      description: `Lifeboat ${this.environment.name}: topic, queue, evidence and logs of this region`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const { account } = this.environment;
    const services = {
      Alarms: { service: 'cloudwatch.amazonaws.com', conditions: { StringEquals: { 'aws:SourceAccount': account } } },
      Logs: {
        service: `logs.${this.region}.amazonaws.com`,
        conditions: {
          ArnLike: { 'kms:EncryptionContext:aws:logs:arn': this.names.arn('logs', this.region, `log-group:*/${this.names.prefix}-*`) },
        },
      },
    };
    for (const [sid, { service, conditions }] of Object.entries(services)) {
      key.addToResourcePolicy(
        new PolicyStatement({
          sid,
          effect: Effect.ALLOW,
          principals: [new ServicePrincipal(service)],
          actions: [
            'kms:Encrypt',
            'kms:Decrypt',
            'kms:ReEncryptFrom',
            'kms:ReEncryptTo',
            'kms:GenerateDataKey',
            'kms:GenerateDataKeyWithoutPlaintext',
            'kms:DescribeKey',
          ],
          resources: ['*'], // in a key's policy: this key
          conditions,
        }),
      );
    }
    this.letVaultRead(key);
    return key;
  }

  /**
   * The vault's role copies what is shared with it, which this key encrypts: RDS uses it in that role's name, and nobody else of that
   * account. A key's policy that names a role which does not exist yet is refused, so the account is named, and the role by condition.
   */
  private letVaultRead(key: Key): void {
    const { vault } = this.environment;
    if (!vault || !this.site) return;
    const isRole = { ArnEquals: { 'aws:PrincipalArn': this.names.vaultRoleArn(vault.account) } };
    const throughRds = { StringEquals: { 'kms:ViaService': `rds.${this.region}.amazonaws.com` } };
    const principals = [new AccountPrincipal(vault.account)];
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'VaultReads',
        principals,
        actions: ['Decrypt', 'DescribeKey', 'ReEncryptFrom', 'GenerateDataKeyWithoutPlaintext'].map((action) => `kms:${action}`),
        resources: ['*'], // in a key's policy: this key
        conditions: { ...isRole, ...throughRds },
      }),
    );
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: 'VaultGrants',
        principals,
        actions: ['kms:CreateGrant'],
        resources: ['*'],
        conditions: { ...isRole, ...throughRds, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      }),
    );
  }

  /** The right to use the region's key, for whoever writes to what it encrypts. */
  useKey(): PolicyStatement {
    return new PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [this.key.keyArn] });
  }
}
