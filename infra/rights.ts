import { Effect, PolicyStatement, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam';
import type { Environment, SiteName } from '../environments/schema.ts';
import type { Names } from './names.ts';

/** What a step may do, and why each `*` in it cannot be narrower. A `*` without a reason fails the synth. */
export interface Right {
  statement: PolicyStatement;
  /** Reason by resource that holds a `*`. */
  wildcards: Record<string, string>;
}

const allow = (props: PolicyStatementProps, wildcards: Record<string, string> = {}): Right => ({
  statement: new PolicyStatement({ effect: Effect.ALLOW, ...props }),
  wildcards,
});

/** The parts of the ledger that a step may write, by the beginning of the partition key. */
export type LedgerPart = 'incident' | 'lease' | 'recovery-point' | 'manifest';

const SNAPSHOT_NAMES = "each snapshot is named when it is taken, under a prefix that is Lifeboat's";
const COPY_NAMES = 'each restored copy is named by its run, under a prefix that is for such copies alone';

/**
 * The rights that steps are given, in one region, each for the resources that the environment names and no other. Lists, since an
 * environment without databases or compute needs none of theirs.
 */
export class Rights {
  constructor(
    private readonly environment: Environment,
    private readonly names: Names,
    private readonly region: string,
    private readonly site: SiteName | undefined,
  ) {}

  readLedger(regions: readonly string[] = [this.region]): Right[] {
    return [allow({ actions: ['dynamodb:GetItem'], resources: regions.map((region) => this.names.ledgerArn(region)) })];
  }

  /** The leases alone, for what the public can invoke. */
  readLeases(): Right[] {
    const conditions = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['lease#*'] } };
    return [allow({ actions: ['dynamodb:GetItem'], resources: [this.names.ledgerArn(this.region)], conditions })];
  }

  readTimeline(): Right[] {
    return [allow({ actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: [this.names.ledgerArn(this.region)] })];
  }

  /** Evidence is every step's to write; the lease only theirs who move it. */
  writeLedger(...parts: LedgerPart[]): Right[] {
    const keys = parts.map((part) => `${part}#*`);
    return [
      allow({
        actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
        resources: [this.names.ledgerArn(this.region)],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } },
      }),
    ];
  }

  readObservations(): Right[] {
    const { sites, witness } = this.environment;
    const regions = [sites.primary.region, sites.recovery.region, witness.region];
    return [
      allow({ actions: ['dynamodb:GetItem', 'dynamodb:Query'], resources: regions.map((region) => this.names.observationsArn(region)) }),
    ];
  }

  writeObservations(): Right[] {
    return [allow({ actions: ['dynamodb:PutItem'], resources: [this.names.observationsArn(this.region)] })];
  }

  putMetrics(): Right[] {
    return [
      allow(
        { actions: ['cloudwatch:PutMetricData'], resources: ['*'], conditions: { StringEquals: { 'cloudwatch:namespace': 'Lifeboat' } } },
        { '*': 'PutMetricData knows no resources; the condition holds it to the namespace Lifeboat' },
      ),
    ];
  }

  publish(): Right[] {
    return [allow({ actions: ['sns:Publish'], resources: [this.names.arn('sns', this.region, this.names.topic)] })];
  }

  startExecution(machine: string): Right[] {
    return [
      allow({
        actions: ['states:StartExecution'],
        resources: [this.names.arn('states', this.region, `stateMachine:${this.names.machine(machine)}`)],
      }),
    ];
  }

  /** Does an execution still run? */
  describeExecutions(machine: string): Right[] {
    const executions = this.names.arn('states', this.region, `execution:${this.names.machine(machine)}:*`);
    return [
      allow(
        { actions: ['states:DescribeExecution'], resources: [executions] },
        { [executions]: 'an execution is named when it is started' },
      ),
    ];
  }

  /** The login of the workloads' databases in this site, whatever key the secrets are encrypted with. */
  readSecrets(): Right[] {
    const secrets = unique(this.databases.map(({ secret }) => this.names.arn('secretsmanager', this.region, `secret:${secret}-??????`)));
    if (secrets.length === 0) return [];
    const anyKey = this.names.arn('kms', this.region, 'key/*');
    return [
      allow({ actions: ['secretsmanager:GetSecretValue'], resources: secrets }),
      allow(
        {
          actions: ['kms:Decrypt'],
          resources: [anyKey],
          conditions: {
            StringEquals: { 'kms:ViaService': `secretsmanager.${this.region}.amazonaws.com` },
            StringLike: { 'kms:EncryptionContext:SecretARN': secrets },
          },
        },
        { [anyKey]: "the secret's key is its owner's choice; the conditions hold it to these secrets, read through Secrets Manager" },
      ),
    ];
  }

  describeDatabases(): Right[] {
    return this.databaseRight(['rds:DescribeDBInstances'], this.instanceArns);
  }

  promoteDatabases(): Right[] {
    return this.databaseRight(['rds:PromoteReadReplica'], this.instanceArns);
  }

  modifyDatabases(): Right[] {
    return this.databaseRight(['rds:ModifyDBInstance'], this.instanceArns);
  }

  /** Set a former writer aside under another name, and make a replica in its place. Nothing is ever deleted. */
  rebuildDatabases(): Right[] {
    if (this.databases.length === 0) return [];
    const setAside = this.instances.map((instance) => this.names.arn('rds', this.region, `db:${instance}-before-epoch-*`));
    const groups = ['og', 'pg', 'subgrp'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
    const source = this.site === 'primary' ? 'recovery' : 'primary';
    const sources = this.names.instances(source).map((instance) => this.names.arn('rds', this.names.regionOf(source), `db:${instance}`));
    const epochReason = "the new name ends with the lease's epoch, which is not known before";
    return [
      allow(
        {
          actions: ['rds:DescribeDBInstances', 'rds:ModifyDBInstance', 'rds:AddTagsToResource'],
          resources: [...this.instanceArns, ...setAside],
        },
        Object.fromEntries(setAside.map((arn) => [arn, epochReason])),
      ),
      allow(
        { actions: ['rds:CreateDBInstanceReadReplica'], resources: [...this.instanceArns, ...sources, ...groups] },
        Object.fromEntries(
          groups.map((arn) => [arn, "RDS picks the replica's option, parameter and subnet group, and checks this right on them"]),
        ),
      ),
    ];
  }

  scaleCompute(): Right[] {
    const services = this.environment.workloads.flatMap(({ compute }) =>
      compute.map(({ cluster, service }) => this.names.arn('ecs', this.region, `service/${cluster}/${service}`)),
    );
    return services.length === 0 ? [] : [allow({ actions: ['ecs:DescribeServices', 'ecs:UpdateService'], resources: services })];
  }

  writeEvidence(): Right[] {
    const incidents = `${this.names.evidenceArn(this.region)}/incidents/*`;
    return [
      allow({ actions: ['s3:PutObject'], resources: [incidents] }, { [incidents]: 'one object per incident, named when it happens' }),
    ];
  }

  /** To poll by listing: a page of a hundred is one call, and a call for each is not. */
  listInstances(): Right[] {
    const all = this.names.arn('rds', this.region, 'db:*');
    return [allow({ actions: ['rds:DescribeDBInstances'], resources: [all] }, { [all]: 'a list of instances is a right on all of them' })];
  }

  /** Snapshots of both sites, by listing. */
  listSnapshots(): Right[] {
    const all = this.siteRegions.flatMap((region) => ['snapshot:*', 'db:*'].map((kind) => this.names.arn('rds', region, kind)));
    return [
      allow(
        { actions: ['rds:DescribeDBSnapshots'], resources: all },
        Object.fromEntries(all.map((arn) => [arn, 'a list of snapshots is a right on all of them'])),
      ),
    ];
  }

  takeSnapshots(): Right[] {
    const own = this.snapshotsIn(this.region);
    return [
      allow(
        { actions: ['rds:CreateDBSnapshot', 'rds:AddTagsToResource'], resources: [...this.instanceArns, own] },
        { [own]: SNAPSHOT_NAMES },
      ),
      this.useForeignKey(this.region, "the key of the database is its owner's choice"),
    ];
  }

  /** Pulls what was taken here to the other site, whose own key it gets. */
  copySnapshots(): Right[] {
    const snapshots = this.siteRegions.map((region) => this.snapshotsIn(region));
    const reasons = Object.fromEntries(snapshots.map((arn) => [arn, SNAPSHOT_NAMES]));
    return [
      allow({ actions: ['rds:CopyDBSnapshot', 'rds:AddTagsToResource'], resources: snapshots }, reasons),
      ...this.siteRegions.map((region) =>
        this.useForeignKey(region, "the key of the source is its owner's choice, that of the copy is known by its alias"),
      ),
    ];
  }

  /** Only what carries Lifeboat's name and Lifeboat's tag. */
  deleteSnapshots(): Right[] {
    const snapshots = this.siteRegions.map((region) => this.snapshotsIn(region));
    const conditions = { StringEquals: { 'aws:ResourceTag/lifeboat:environment': this.environment.name } };
    return [
      allow(
        { actions: ['rds:DeleteDBSnapshot'], resources: snapshots, conditions },
        Object.fromEntries(snapshots.map((arn) => [arn, SNAPSHOT_NAMES])),
      ),
    ];
  }

  /** Into the isolated network, under names that are for this alone. */
  restoreCopies(): Right[] {
    const isolation = this.site && this.environment.sites[this.site].isolation;
    if (!isolation) return [];
    const snapshots = this.snapshotsIn(this.region);
    const groups = ['og', 'pg'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
    const subnets = this.names.arn('rds', this.region, `subgrp:${isolation.dbSubnetGroup}`);
    return [
      allow(
        {
          actions: ['rds:RestoreDBInstanceFromDBSnapshot', 'rds:AddTagsToResource'],
          resources: [this.copies, snapshots, subnets, ...groups],
        },
        {
          [this.copies]: COPY_NAMES,
          [snapshots]: SNAPSHOT_NAMES,
          ...Object.fromEntries(
            groups.map((arn) => [arn, "RDS picks the copy's option and parameter group, and checks this right on them"]),
          ),
        },
      ),
      this.useForeignKey(this.region, 'the key of a snapshot taken here is that of its database'),
    ];
  }

  /** Beside the site's own instance and with its groups, under names that are for this alone. */
  restoreBeside(): Right[] {
    const restored = this.names.arn('rds', this.region, `db:${this.names.prefix}-restored-*`);
    const snapshots = this.snapshotsIn(this.region);
    const groups = ['og', 'pg', 'subgrp'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
    return [
      allow(
        { actions: ['rds:RestoreDBInstanceFromDBSnapshot', 'rds:AddTagsToResource'], resources: [restored, snapshots, ...groups] },
        {
          [restored]: 'what is restored is named by its run, under a prefix that is for it alone',
          [snapshots]: SNAPSHOT_NAMES,
          ...Object.fromEntries(groups.map((arn) => [arn, "the groups are those of the site's own instance, whatever they are"])),
        },
      ),
      this.useForeignKey(this.region, 'the key of a snapshot taken here is that of its database'),
    ];
  }

  deleteCopies(): Right[] {
    return [allow({ actions: ['rds:DeleteDBInstance'], resources: [this.copies] }, { [this.copies]: COPY_NAMES })];
  }

  private get copies(): string {
    return this.names.arn('rds', this.region, `db:${this.names.prefix}-verify-*`);
  }

  private snapshotsIn(region: string): string {
    return this.names.arn('rds', region, `snapshot:${this.names.prefix}-*`);
  }

  /** What RDS does with a key in a caller's name when it takes, copies or restores what is encrypted. */
  private useForeignKey(region: string, reason: string): Right {
    const anyKey = this.names.arn('kms', region, 'key/*');
    const actions = ['CreateGrant', 'DescribeKey', 'Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKeyWithoutPlaintext'];
    return allow(
      {
        actions: actions.map((action) => `kms:${action}`),
        resources: [anyKey],
        conditions: { StringEquals: { 'kms:ViaService': `rds.${region}.amazonaws.com` } },
      },
      { [anyKey]: `${reason}; the condition holds it to what RDS does` },
    );
  }

  private get siteRegions(): string[] {
    return [this.environment.sites.primary.region, this.environment.sites.recovery.region];
  }

  private databaseRight(actions: string[], resources: string[]): Right[] {
    return resources.length === 0 ? [] : [allow({ actions, resources })];
  }

  private get databases() {
    return this.environment.workloads.flatMap(({ databases }) => databases);
  }

  private get instances(): string[] {
    return this.site ? unique(this.names.instances(this.site)) : [];
  }

  private get instanceArns(): string[] {
    return this.instances.map((instance) => this.names.arn('rds', this.region, `db:${instance}`));
  }
}

const unique = (values: string[]): string[] => [...new Set(values)];
