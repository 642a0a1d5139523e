import { DatabaseRights } from './databases.ts';
import { allow, type Right, unique } from './right.ts';
import { SNAPSHOT_NAMES } from './scope.ts';

/** Snapshots that carry Lifeboat's name. */
export abstract class SnapshotRights extends DatabaseRights {
  readRdsQuotas(): Right[] {
    return [
      allow(
        { actions: ['rds:DescribeAccountAttributes'], resources: ['*'] },
        { '*': "DescribeAccountAttributes knows no resources: it reads the account's own limits" },
      ),
    ];
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
    const actions = ['rds:CreateDBSnapshot', 'rds:AddTagsToResource'];
    return [
      ...this.databaseRight(actions, this.instanceArns),
      this.onSnapshots(actions, [this.region]),
      this.useForeignKey(this.region, "the key of the database is its owner's choice"),
    ];
  }

  /** Pulls what was taken here to the other site, whose own key it gets. */
  copySnapshots(): Right[] {
    return this.copyAmong(this.siteRegions);
  }

  /** Within this region, under another key. */
  copySnapshotsHere(): Right[] {
    return this.copyAmong([this.region]);
  }

  private copyAmong(regions: readonly string[]): Right[] {
    return [
      this.onSnapshots(['rds:CopyDBSnapshot', 'rds:AddTagsToResource'], regions),
      ...regions.map((region) =>
        this.useForeignKey(region, "the key of the source is its owner's choice, that of the copy is known by its alias"),
      ),
    ];
  }

  /** List the automated backups of this region; no right where no policy has any replicated to it. */
  listAutomatedBackups(): Right[] {
    if (!this.hasReplicatedBackups) return [];
    const listed = ['db:*', 'auto-backup:*'].map((kind) => this.names.arn('rds', this.region, kind));
    return [
      allow(
        { actions: ['rds:DescribeDBInstanceAutomatedBackups'], resources: listed },
        Object.fromEntries(listed.map((arn) => [arn, 'a list of backups is a right on all of them'])),
      ),
    ];
  }

  protected get hasReplicatedBackups(): boolean {
    return this.databases.some(({ backup }) => backup?.replicatedAutomatedBackups);
  }

  /** Have RDS replicate the automated backups of the other site's instances to this region. */
  replicateAutomatedBackups(): Right[] {
    if (!this.site) return [];
    const other = this.site === 'primary' ? 'recovery' : 'primary';
    const sources = unique(this.names.instances(other)).map((id) => this.names.arn('rds', this.names.regionOf(other), `db:${id}`));
    const backups = [this.region, this.names.regionOf(other)].map((region) => this.names.arn('rds', region, 'auto-backup:*'));
    return [
      ...this.listAutomatedBackups(),
      allow(
        { actions: ['rds:StartDBInstanceAutomatedBackupsReplication'], resources: [...sources, ...backups] },
        Object.fromEntries(backups.map((arn) => [arn, 'RDS itself names a backup, and asks for this right on it beside the instance'])),
      ),
      this.useForeignKey(this.region, "the key is the region's own, which the request names"),
    ];
  }

  /** Lets the vault's account copy what lies in the other site, and takes on the role there that does it. */
  copyToAccount(): Right[] {
    const { vault } = this.environment;
    if (!vault || !this.site) return [];
    const shared = this.snapshotsIn(this.names.regionOf(this.site === 'primary' ? 'recovery' : 'primary'));
    return [
      allow({ actions: ['rds:ModifyDBSnapshotAttribute'], resources: [shared], conditions: this.tagged }, { [shared]: SNAPSHOT_NAMES }),
      allow({ actions: ['sts:AssumeRole'], resources: [this.names.vaultRoleArn(vault.account)] }),
    ];
  }

  /** Only what carries Lifeboat's name and Lifeboat's tag. */
  deleteSnapshots(): Right[] {
    const snapshots = this.siteRegions.map((region) => this.snapshotsIn(region));
    return [
      allow(
        { actions: ['rds:DeleteDBSnapshot'], resources: snapshots, conditions: this.tagged },
        Object.fromEntries(snapshots.map((arn) => [arn, SNAPSHOT_NAMES])),
      ),
    ];
  }
}
