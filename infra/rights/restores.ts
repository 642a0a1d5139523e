import { allow, type Right, unique } from './right.ts';
import { SNAPSHOT_NAMES } from './scope.ts';
import { SnapshotRights } from './snapshots.ts';

const COPY_NAMES = 'each restored copy is named by its run, under a prefix that is for such copies alone';

/** What is restored from them. */
export abstract class RestoreRights extends SnapshotRights {
  /** Into the isolated network, under names that are for this alone. */
  restoreCopies(): Right[] {
    const isolation = this.site && this.environment.sites[this.site].isolation;
    if (!isolation) return [];
    const actions = ['rds:RestoreDBInstanceFromDBSnapshot', 'rds:AddTagsToResource'];
    const groups = ['og', 'pg'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
    const subnets = this.names.arn('rds', this.region, `subgrp:${isolation.dbSubnetGroup}`);
    return [
      allow({ actions, resources: [this.copies, subnets] }, { [this.copies]: COPY_NAMES }),
      this.onSnapshots(actions, [this.region]),
      allow(
        { actions: ['rds:RestoreDBInstanceFromDBSnapshot'], resources: groups },
        Object.fromEntries(groups.map((arn) => [arn, "RDS picks the copy's option and parameter group, and checks this right on them"])),
      ),
      this.useForeignKey(this.region, 'the key of a snapshot taken here is that of its database'),
    ];
  }

  /** Beside the site's own instance and with its groups, under names that are for this alone; from a snapshot, that instance's log, or what was brought here of the other's. */
  restoreBeside(): Right[] {
    const reasons = { ...this.restoredReason, ...this.groupReasons };
    const tags = 'rds:AddTagsToResource';
    const fromSnapshot = ['rds:RestoreDBInstanceFromDBSnapshot', tags];
    const brought = this.hasReplicatedBackups ? [this.names.arn('rds', this.region, 'auto-backup:*')] : [];
    return [
      allow({ actions: fromSnapshot, resources: [this.restored, ...this.groups] }, reasons),
      this.onSnapshots(fromSnapshot, [this.region]),
      allow(
        {
          actions: ['rds:RestoreDBInstanceToPointInTime', tags],
          resources: [...this.instanceArns, ...brought, this.restored, ...this.groups],
        },
        { ...reasons, ...Object.fromEntries(brought.map((arn) => [arn, 'RDS itself names what it brings here'])) },
      ),
      this.useForeignKey(this.region, 'the key of a snapshot taken here is that of its database'),
    ];
  }

  /** Make what was restored like the instance that it is to be, wherever that restore stands by now. */
  changeSettings(): Right[] {
    return [
      allow(
        { actions: ['rds:ModifyDBInstance'], resources: [...this.instanceArns, this.restored, ...this.groups] },
        { ...this.restoredReason, ...this.groupReasons },
      ),
      this.passMonitoringRole(),
      this.lendForeignKey(this.region, "the key of Performance Insights is its owner's choice"),
    ];
  }

  putTagsBack(): Right[] {
    return [allow({ actions: ['rds:AddTagsToResource'], resources: [...this.instanceArns, this.restored] }, this.restoredReason)];
  }

  /** A key for each clean room. What may use it is in the key's own policy and in rights that go through RDS and Secrets Manager. */
  makeCleanKeys(): Right[] {
    const conditions = {
      StringEquals: { 'aws:RequestTag/lifeboat:environment': this.environment.name },
      // Other tags may open doors where people give rights by tag.
      'ForAllValues:StringLike': { 'aws:TagKeys': ['lifeboat:*'] },
    };
    return [
      allow(
        { actions: ['kms:CreateKey', 'kms:TagResource'], resources: ['*'], conditions },
        { '*': 'a key that is to be made has no ARN yet; the condition asks for our tag on it' },
      ),
    ];
  }

  readCleanSecrets(): Right[] {
    return [this.onCleanSecrets(['secretsmanager:GetSecretValue']), this.keysThroughSecrets(this.region, ['kms:Decrypt'])];
  }

  /** The logins of a clean room, in a secret of their own. */
  keepCleanSecrets(): Right[] {
    const actions = ['secretsmanager:CreateSecret', 'secretsmanager:TagResource', 'secretsmanager:GetSecretValue'];
    return [this.onCleanSecrets(actions), this.keysThroughSecrets(this.region, ['kms:Decrypt', 'kms:GenerateDataKey'])];
  }

  /** Lifeboat's own login, in both sites' secrets; what its own replication brings to the other one is only read. */
  replaceLogins(): Right[] {
    const secrets = this.siteRegions.flatMap((region) =>
      unique(this.databases.map(({ secret }) => this.names.arn('secretsmanager', region, `secret:${secret}-??????`))),
    );
    return [
      allow({ actions: ['secretsmanager:GetSecretValue', 'secretsmanager:PutSecretValue'], resources: secrets }),
      ...this.siteRegions.map((region) => this.keysThroughSecrets(region, ['kms:Decrypt', 'kms:GenerateDataKey'])),
    ];
  }

  private onCleanSecrets(actions: string[]): Right {
    const secrets = this.names.arn('secretsmanager', this.region, `secret:${this.names.prefix}-clean-*`);
    return allow({ actions, resources: [secrets] }, { [secrets]: 'a clean room is named by its run' });
  }

  private keysThroughSecrets(region: string, actions: string[]): Right {
    const anyKey = this.names.arn('kms', region, 'key/*');
    const conditions = { StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` } };
    return allow(
      { actions, resources: [anyKey], conditions },
      { [anyKey]: "a secret's key is its owner's choice, or a clean room's; the condition holds it to what Secrets Manager does" },
    );
  }

  /** A rename, and the day in the tags of what was replaced. Nothing is deleted. */
  setDatabasesAside(): Right[] {
    return [
      allow({ actions: ['rds:ModifyDBInstance'], resources: [...this.instanceArns, ...this.replaced] }, this.replacedReasons),
      allow({ actions: ['rds:AddTagsToResource'], resources: this.replaced }, this.replacedReasons),
    ];
  }

  /** What was restored gets the identifier of what was set aside. */
  putInPlace(): Right[] {
    return [allow({ actions: ['rds:ModifyDBInstance'], resources: [...this.instanceArns, this.restored] }, this.restoredReason)];
  }

  /** What restores replaced, and the snapshots that they took of it: only with Lifeboat's tag. */
  deleteReplaced(): Right[] {
    const snapshots = this.names.arn('rds', this.region, `snapshot:${this.names.prefix}-before-*`);
    const conditions = this.tagged;
    return [
      allow({ actions: ['rds:ModifyDBInstance', 'rds:DeleteDBInstance'], resources: this.replaced, conditions }, this.replacedReasons),
      allow({ actions: ['rds:DeleteDBSnapshot'], resources: [snapshots], conditions }, { [snapshots]: SNAPSHOT_NAMES }),
    ];
  }

  deleteCopies(): Right[] {
    const conditions = this.notAnothers;
    return [allow({ actions: ['rds:DeleteDBInstance'], resources: [this.copies], conditions }, { [this.copies]: COPY_NAMES })];
  }

  protected get copies(): string {
    return this.names.arn('rds', this.region, `db:${this.names.prefix}-verify-*`);
  }

  private get restored(): string {
    return this.names.arn('rds', this.region, `db:${this.names.prefix}-restored-*`);
  }

  private get restoredReason(): Record<string, string> {
    return { [this.restored]: 'what is restored is named by its run, under a prefix that is for it alone' };
  }

  private get replaced(): string[] {
    return this.instances.map((instance) => this.names.arn('rds', this.region, `db:${instance}-old-*`));
  }

  private get replacedReasons(): Record<string, string> {
    return Object.fromEntries(this.replaced.map((arn) => [arn, 'the new name ends with what the restore is called']));
  }

  private get groups(): string[] {
    return ['og', 'pg', 'subgrp'].map((kind) => this.names.arn('rds', this.region, `${kind}:*`));
  }

  private get groupReasons(): Record<string, string> {
    return Object.fromEntries(this.groups.map((arn) => [arn, "the groups are those of the site's own instance, whatever they are"]));
  }
}
