import type { Database, Environment, SiteName } from '../kit/plan.ts';
import type { Settings } from '../resources/rds-settings.ts';
import { cleanName, type RestoreRequest } from './restoring.ts';

/** The network in which nothing of the old trust is reached; an environment whose databases have backups has one. */
const isolationOf = (plan: Environment, site: SiteName) => plan.sites[site].isolation!;

/** What a restored instance is to be until it is put in place: in a clean room, in the isolated network. */
export const settingsUntilPlaced = (
  settings: Settings | undefined,
  { placement }: Pick<RestoreRequest, 'placement'>,
  plan: Environment,
  site: SiteName,
): Settings | undefined => {
  if (placement !== 'cleanRoom') return settings;
  const { dbSubnetGroup, dbSecurityGroupIds } = isolationOf(plan, site);
  return { ...settings, DBSubnetGroupName: dbSubnetGroup, VpcSecurityGroupIds: [...dbSecurityGroupIds].sort(), PubliclyAccessible: false };
};

/** The secret that opens it: in a clean room, one that was made for it. */
export const secretFor = ({ secret }: Database, plan: Environment, request: RestoreRequest): string =>
  request.placement === 'cleanRoom' ? cleanName(plan, request) : secret;

/** Where the old instance's own logs are, for whoever investigates. RDS exports them under these names. */
export const logGroupsOf = (identifier: string, settings: Settings | undefined): string[] =>
  (settings?.EnableCloudwatchLogsExports ?? []).map((type) => `/aws/rds/instance/${identifier}/${type}`);
