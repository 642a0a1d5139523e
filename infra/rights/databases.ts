import { partitionOf } from '../names.ts';
import { OperationRights } from './operations.ts';
import { allow, type Right, unique } from './right.ts';

const EPOCH_REASON = "the name ends with the lease's epoch, which is not known before";

/** The workloads' own databases and their logins. */
export abstract class DatabaseRights extends OperationRights {
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

  /** The site's own instances, and what they replaced. */
  describeFormerWriters(): Right[] {
    if (this.databases.length === 0) return [];
    const reasons = Object.fromEntries(this.setAside.map((arn) => [arn, EPOCH_REASON]));
    return [allow({ actions: ['rds:DescribeDBInstances'], resources: [...this.instanceArns, ...this.setAside] }, reasons)];
  }

  promoteDatabases(): Right[] {
    return this.databaseRight(['rds:PromoteReadReplica'], this.instanceArns);
  }

  modifyDatabases(): Right[] {
    return this.databaseRight(['rds:ModifyDBInstance'], this.instanceArns);
  }

  /** Take an instance's network away and restart it, where SQL does not reach it; give it back. Only where the site names the group for it. */
  isolateDatabases(): Right[] {
    const isolating = this.site && this.environment.sites[this.site].isolatingSecurityGroupId;
    return isolating ? this.databaseRight(['rds:ModifyDBInstance', 'rds:RebootDBInstance'], this.instanceArns) : [];
  }

  /** Set a former writer aside under another name, and make a replica in its place. Nothing is ever deleted. */
  rebuildDatabases(): Right[] {
    if (this.databases.length === 0) return [];
    const { setAside } = this;
    const groups = ['og', 'pg', 'subgrp'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
    const parameters = this.names.arn('rds', this.region, 'pg:*');
    const source = this.site === 'primary' ? 'recovery' : 'primary';
    const sources = this.names.instances(source).map((instance) => this.names.arn('rds', this.names.regionOf(source), `db:${instance}`));
    return [
      allow(
        { actions: ['rds:DescribeDBInstances', 'rds:ModifyDBInstance'], resources: [...this.instanceArns, ...setAside] },
        Object.fromEntries(setAside.map((arn) => [arn, EPOCH_REASON])),
      ),
      // What a replica cannot be told when it is made, it gets afterwards; its parameter group takes hold with a restart.
      allow(
        { actions: ['rds:ModifyDBInstance'], resources: [parameters] },
        { [parameters]: "it gets the parameter group of the instance whose place it takes, which is its owner's choice" },
      ),
      this.passMonitoringRole(),
      allow({
        actions: ['rds:CreateDBInstanceReadReplica', 'rds:AddTagsToResource', 'rds:RebootDBInstance'],
        resources: this.instanceArns,
      }),
      allow(
        { actions: ['rds:CreateDBInstanceReadReplica'], resources: [...sources, ...groups] },
        Object.fromEntries(
          groups.map((arn) => [arn, "RDS picks the replica's option, parameter and subnet group, and checks this right on them"]),
        ),
      ),
      this.lendForeignKey(this.region, 'a replica lies under the key of the instance whose place it takes'),
      // The request is signed for the source's region too, where RDS reads what lies under the writer's key.
      this.lendForeignKey(this.names.regionOf(source), "the writer's key is its owner's choice"),
    ];
  }

  /** Enhanced monitoring has a role of its own, which is named again with it. */
  protected passMonitoringRole(): Right {
    const anyRole = `arn:${partitionOf(this.region)}:iam::${this.environment.account}:role/*`;
    const conditions = { StringEquals: { 'iam:PassedToService': 'monitoring.rds.amazonaws.com' } };
    return allow(
      { actions: ['iam:PassRole'], resources: [anyRole], conditions },
      { [anyRole]: "the role of the old instance's monitoring is its owner's choice; the condition holds it to that use" },
    );
  }

  private get setAside(): string[] {
    return this.instances.map((instance) => this.names.arn('rds', this.region, `db:${instance}-before-epoch-*`));
  }

  /** To poll by listing: a page of a hundred is one call, and a call for each is not. */
  listInstances(): Right[] {
    const all = this.names.arn('rds', this.region, 'db:*');
    return [allow({ actions: ['rds:DescribeDBInstances'], resources: [all] }, { [all]: 'a list of instances is a right on all of them' })];
  }
}
