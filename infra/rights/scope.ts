import type { Environment, SiteName } from '../../environments/schema.ts';
import type { Names } from '../names.ts';
import { allow, type Right, unique } from './right.ts';

export const SNAPSHOT_NAMES = "each snapshot is named when it is taken, under a prefix that is Lifeboat's";

const OWNER = 'aws:ResourceTag/lifeboat:environment';

/** What rights are given in and for: one region of one environment, and what it names there. */
export abstract class Scope {
  constructor(
    protected readonly environment: Environment,
    protected readonly names: Names,
    protected readonly region: string,
    protected readonly site: SiteName | undefined,
  ) {}

  protected get siteRegions(): string[] {
    return [this.environment.sites.primary.region, this.environment.sites.recovery.region];
  }

  protected databaseRight(actions: string[], resources: string[]): Right[] {
    return resources.length === 0 ? [] : [allow({ actions, resources })];
  }

  protected get databases() {
    return this.environment.workloads.flatMap(({ databases }) => databases);
  }

  protected get instances(): string[] {
    return this.site ? unique(this.names.instances(this.site)) : [];
  }

  protected get instanceArns(): string[] {
    return this.instances.map((instance) => this.names.arn('rds', this.region, `db:${instance}`));
  }

  /** What carries this environment's tag. */
  protected get tagged() {
    return { StringEquals: { [OWNER]: this.environment.name } };
  }

  /**
   * What carries no other environment's tag: the names of `prod` are also the beginning of those of `prod-eu`. What is yet to be made, and
   * what is gone by now, has no tags.
   */
  protected get notAnothers() {
    return { StringEqualsIfExists: { [OWNER]: this.environment.name } };
  }

  /** On snapshots of this environment alone. */
  protected onSnapshots(actions: string[], regions: readonly string[]): Right {
    const snapshots = regions.map((region) => this.snapshotsIn(region));
    return allow(
      { actions, resources: snapshots, conditions: this.notAnothers },
      Object.fromEntries(snapshots.map((arn) => [arn, SNAPSHOT_NAMES])),
    );
  }

  protected snapshotsIn(region: string): string {
    return this.names.arn('rds', region, `snapshot:${this.names.prefix}-*`);
  }

  /** What RDS does with a key in a caller's name when it takes, copies or restores what is encrypted. */
  protected useForeignKey(region: string, reason: string): Right {
    const actions = ['CreateGrant', 'DescribeKey', 'Decrypt', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKeyWithoutPlaintext'];
    return this.onForeignKey(region, actions, reason);
  }

  /** Give RDS the use of a key for a new instance: RDS user guide, 'Encrypting Amazon RDS resources'. */
  protected lendForeignKey(region: string, reason: string): Right {
    return this.onForeignKey(region, ['CreateGrant', 'DescribeKey'], reason);
  }

  private onForeignKey(region: string, actions: readonly string[], reason: string): Right {
    const anyKey = this.names.arn('kms', region, 'key/*');
    return allow(
      {
        actions: actions.map((action) => `kms:${action}`),
        resources: [anyKey],
        conditions: { StringEquals: { 'kms:ViaService': `rds.${region}.amazonaws.com` } },
      },
      { [anyKey]: `${reason}; the condition holds it to what RDS does` },
    );
  }
}
