import { allow, type Right } from './right.ts';
import { SNAPSHOT_NAMES } from './scope.ts';
import { SnapshotRights } from './snapshots.ts';

const COPY_NAMES = 'each restored copy is named by its run, under a prefix that is for such copies alone';

/** What is restored from them. */
export abstract class RestoreRights extends SnapshotRights {
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

  protected get copies(): string {
    return this.names.arn('rds', this.region, `db:${this.names.prefix}-verify-*`);
  }
}
