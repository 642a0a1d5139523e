import { type Environment, siteNames, type Workload } from './schema.ts';

/** What an environment's choices leave open, in words for the person who made them. */
export interface Risks {
  /** One text for what all workloads share; nothing where nothing is left open. */
  environment?: string;
  /** By workload, where it adds something. */
  workloads: Record<string, string>;
}

/**
 * The safest choices (lease.policy 'strict' with failsafe, consistency 'strong', enforcement 'database') have none. Each sentence says
 * when it happens, what is lost and which choice ends it; docs/failure-semantics.md has the long form.
 */
export const risksOf = (environment: Environment): Risks => {
  const entries = environment.workloads.flatMap((workload) => {
    const risk = workloadRisk(environment, workload);
    return risk ? [[workload.name, risk] as const] : [];
  });
  return { environment: environmentRisk(environment), workloads: Object.fromEntries(entries) };
};

const environmentRisk = ({ lease, consistency, sites, workloads }: Environment): string | undefined => {
  const open = siteNames.filter((site) => !sites[site].isolatingSecurityGroupId).map((site) => `sites.${site}`);
  const stop = lease.ttlSeconds - lease.fenceLeadSeconds;
  const risks = [
    lease.policy === 'available' &&
      "lease.policy 'available': a site that is cut off from the ledger and from the other site writes on, so after a failover two sites write until the link heals, and what the old one accepted meanwhile has to be merged by hand; 'strict' fences it",
    lease.policy === 'strict' &&
      !lease.failsafe &&
      `lease.failsafe off: when nobody reaches the ledger, writes of every workload stop after ${stop} s and stay stopped until it is back; 'true' lets them go on while the other site answers`,
    open.length > 0 &&
      workloads.some(({ databases }) => databases.length > 0) &&
      `no isolatingSecurityGroupId in ${open.join(' and ')}: an old writer there that SQL does not reach is not fenced by network, so only the database lease ends its writes; name a group that lets nobody in`,
    consistency === 'eventual' &&
      "consistency 'eventual': a region's loss can take the lease's newest word with it, and during a partition both sites may hold the lease; 'strong' needs three regions of one DynamoDB set",
  ];
  return sentence(risks);
};

const workloadRisk = ({ lease, failover }: Environment, { name, databases }: Workload): string | undefined => {
  const guarded = databases.filter(({ enforcement }) => enforcement === 'guard').map((database) => database.name);
  const who = failover.policy === 'automatic' ? 'an alarm' : 'a person';
  const risks = [
    guarded.length > 0 &&
      `enforcement 'guard' for ${guarded.join(', ')} of '${name}': if the guard dies while the database lives and its region is cut off, nothing ends its writes, and two sites write as soon as ${who} moves the workload; 'database' lets the right to write expire inside PostgreSQL`,
    databases.length > 0 &&
      guarded.length === 0 &&
      lease.policy === 'available' &&
      `enforcement 'database' of '${name}' under lease.policy 'available': the guard renews it without the ledger, so it ends the writes of a dead guard, not those of a site that is cut off`,
  ];
  return sentence(risks);
};

const sentence = (risks: readonly (string | false)[]): string | undefined => {
  const said = risks.filter((risk) => risk !== false);
  return said.length > 0 ? said.join('; and ') : undefined;
};
