import type { Database, Environment, SiteName } from '../kit/plan.ts';
import type { Settings } from '../resources/rds-settings.ts';
import { cleanName, type RestoreRequest } from './restoring.ts';

/** The network in which nothing of the old trust is reached; an environment whose databases have backups has one. */
const isolationOf = (plan: Environment, site: SiteName) => plan.sites[site].isolation!;

/**
 * What a restored instance is to be until it is put in place: in a clean room, in the isolated network, and in one zone, since RDS moves no
 * Multi-AZ instance to another VPC.
 */
export const settingsUntilPlaced = (
  settings: Settings | undefined,
  { placement }: Pick<RestoreRequest, 'placement'>,
  plan: Environment,
  site: SiteName,
): Settings | undefined => {
  if (placement !== 'cleanRoom') return settings;
  const { dbSubnetGroup, dbSecurityGroupIds } = isolationOf(plan, site);
  const VpcSecurityGroupIds = [...dbSecurityGroupIds].sort();
  return { ...settings, DBSubnetGroupName: dbSubnetGroup, VpcSecurityGroupIds, PubliclyAccessible: false, MultiAZ: false };
};

/** What a clean room leaves different for good, with the reason: its subnet group, where that is in the VPC of the workload. */
export const withReasons = (names: string[], { placement }: Pick<RestoreRequest, 'placement'>): string[] =>
  names.map((name) =>
    placement === 'cleanRoom' && name === 'DBSubnetGroupName'
      ? `${name} (stays the isolated one: RDS moves no instance between subnet groups of one VPC)`
      : name,
  );

/** The secret that opens it: in a clean room, one that was made for it. */
export const secretFor = ({ secret }: Database, plan: Environment, request: RestoreRequest): string =>
  request.placement === 'cleanRoom' ? cleanName(plan, request) : secret;

/** Where the old instance's own logs are, for whoever investigates. RDS exports them under these names. */
export const logGroupsOf = (identifier: string, settings: Settings | undefined): string[] =>
  (settings?.EnableCloudwatchLogsExports ?? []).map((type) => `/aws/rds/instance/${identifier}/${type}`);
