import { exposureOf } from './backup.ts';
import { totalSeconds, waitsOf } from './budget.ts';
import { roundMinutes } from './integrity.ts';
import { leaseProblems } from './lease-problems.ts';
import { readable } from './salvage.ts';
import type { Environment } from './schema.ts';

export interface Problem {
  path: (string | number)[];
  message: string;
}

/** Regions in which a DynamoDB global table can be strongly consistent; all three must be of one set. AWS, DynamoDB developer guide, 2026-11. */
const STRONG_SETS: readonly (readonly string[])[] = [
  ['us-east-1', 'us-east-2', 'us-west-2'],
  ['eu-west-1', 'eu-west-2', 'eu-west-3', 'eu-central-1'],
  ['ap-northeast-1', 'ap-northeast-2', 'ap-northeast-3'],
];

export type Rule = (environment: Environment) => Problem[];

/**
 * The rules that a shape cannot say. Each message names what is wrong, what is accepted, and the fix. Each rule stands alone: one that
 * needs a part with a wrong shape has nothing to say, and the others are still heard.
 */
export const findProblems: Rule = (environment) => rules.flatMap((rule) => readable(() => rule(environment)) ?? []);

const siteProblems: Rule = ({ sites }) =>
  sites.primary.region !== sites.recovery.region
    ? []
    : [
        {
          path: ['sites', 'recovery', 'region'],
          message: `is ${sites.recovery.region}, the primary site's region too; choose another region`,
        },
      ];

const witnessProblems: Rule = ({ sites, witness: { region } }) =>
  region !== sites.primary.region && region !== sites.recovery.region
    ? []
    : [{ path: ['witness', 'region'], message: `is ${region}, a site's region too; the witness must stand in a third region` }];

const consistencyProblems: Rule = ({ sites, witness, consistency }) => {
  const regions = [sites.primary.region, sites.recovery.region, witness.region];
  // Regions that are not three have their own problem.
  if (consistency !== 'strong' || new Set(regions).size < 3 || STRONG_SETS.some((set) => regions.every((region) => set.includes(region))))
    return [];
  const sets = STRONG_SETS.map((set) => set.join(', ')).join(' | ');
  return [
    {
      path: ['consistency'],
      message: `is 'strong', which is not possible across ${regions.join(', ')}; use regions of one set (${sets}), or consistency: 'eventual'`,
    },
  ];
};

const riskProblems: Rule = ({ consistency, failover, acceptedRisks }) => {
  const risk = 'automatic-failover-on-eventual-ledger';
  if (consistency !== 'eventual' || failover.policy !== 'automatic' || acceptedRisks.includes(risk)) return [];
  return [
    {
      path: ['failover', 'policy'],
      message: `is 'automatic', which needs consistency: 'strong', else two sites may both hold the lease; use 'approval', or accept the risk: acceptedRisks: ['${risk}']`,
    },
  ];
};

/** What the guard alone cannot do is said where an alarm, and nobody else, would find out. */
const enforcementProblems: Rule = ({ failover, acceptedRisks, workloads }) => {
  const risk = 'automatic-failover-past-a-dead-guard';
  if (failover.policy !== 'automatic' || acceptedRisks.includes(risk)) return [];
  return each(workloads, ({ databases }, i) =>
    each(databases, ({ enforcement }, j) => ({ enforcement, path: ['workloads', i, 'databases', j, 'enforcement'] })),
  )
    .flat()
    .filter(({ enforcement }) => enforcement === 'guard')
    .map(({ path }) => ({
      path,
      message: `is 'guard' under the policy 'automatic': with the guard dead, its database alive and its region cut off, two sites would write; use 'database', or accept the risk: acceptedRisks: ['${risk}']`,
    }));
};

const nameProblems: Rule = ({ workloads }) => [
  ...duplicates(each(workloads, (workload, i) => ({ value: workload.name, path: ['workloads', i, 'name'] }))),
  ...duplicates(each(workloads, ({ endpoint }, i) => ({ value: endpoint.publicName, path: ['workloads', i, 'endpoint', 'publicName'] }))),
  ...each(workloads, ({ databases }, i) =>
    duplicates(each(databases, ({ name }, j) => ({ value: name, path: ['workloads', i, 'databases', j, 'name'] }))),
  ).flat(),
  ...each(workloads, ({ compute }, i) =>
    duplicates(each(compute, ({ name }, j) => ({ value: name, path: ['workloads', i, 'compute', j, 'name'] }))),
  ).flat(),
];

const zoneProblems: Rule = ({ workloads }) =>
  each(workloads, ({ endpoint: { publicName, hostedZone } }, i) =>
    publicName.endsWith(`.${hostedZone.name}`)
      ? []
      : [
          {
            path: ['workloads', i, 'endpoint', 'publicName'],
            // A name at the top of its zone cannot be a CNAME.
            message: `is ${publicName}, which is not below the hosted zone ${hostedZone.name}; give a name that ends with .${hostedZone.name}`,
          },
        ],
  ).flat();

/** What `read` gives of each entry, but for those that it cannot read. */
const each = <T, R>(entries: readonly T[], read: (entry: T, index: number) => R): R[] =>
  Array.from(entries.keys()).flatMap((i) => readable(() => [read(entries[i]!, i)]) ?? []);

const duplicates = (entries: { value: string; path: (string | number)[] }[]): Problem[] =>
  entries
    .filter(({ value }, i) => entries.findIndex((other) => other.value === value) < i)
    .map(({ value, path }) => ({ path, message: `is '${value}', which is used before; give each its own` }));

const dependencyProblems: Rule = ({ workloads }) => {
  const known = workloads.map(({ name }) => name);
  const unknown = workloads.flatMap(({ dependsOn }, i) =>
    dependsOn.flatMap((name, j) =>
      known.includes(name)
        ? []
        : [{ path: ['workloads', i, 'dependsOn', j], message: `is '${name}', which is no workload here; there are: ${known.join(', ')}` }],
    ),
  );
  return unknown.length > 0 ? unknown : cycleProblems(workloads);
};

const cycleProblems = (workloads: Environment['workloads']): Problem[] => {
  const byName = new Map(workloads.map((workload) => [workload.name, workload]));
  const cycleFrom = (name: string, trail: string[]): string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    for (const next of byName.get(name)?.dependsOn ?? []) {
      const cycle = cycleFrom(next, [...trail, name]);
      if (cycle) return cycle;
    }
    return undefined;
  };
  for (const [i, { name }] of workloads.entries()) {
    const cycle = cycleFrom(name, []);
    if (cycle)
      return [{ path: ['workloads', i, 'dependsOn'], message: `is a circle: ${cycle.join(' -> ')}; take one of these dependencies out` }];
  }
  return [];
};

const objectiveProblems: Rule = (environment) =>
  each(environment.workloads, (workload, i): Problem[] => {
    const waits = waitsOf(environment, workload);
    const total = totalSeconds(waits);
    if (total <= workload.objectives.rtoSeconds) return [];
    const sum = waits.map(({ what, seconds }) => `${what} ${seconds} s`).join(' + ');
    return [
      {
        path: ['workloads', i, 'objectives', 'rtoSeconds'],
        message: `is ${workload.objectives.rtoSeconds} s but a failover of '${workload.name}' takes up to ${total} s: ${sum}; raise it or shorten a wait`,
      },
    ];
  }).flat();

/** A backup policy that cannot meet its own RPO is refused with the sum. */
const backupProblems: Rule = ({ workloads, sites }) =>
  each(workloads, ({ databases }, i) =>
    each(databases, ({ name, backup }, j): Problem[] => {
      if (!backup) return [];
      const path = ['workloads', i, 'databases', j, 'backup'];
      const tiers = duplicates(backup.tiers.map(({ every }, k) => ({ value: every, path: [...path, 'tiers', k, 'every'] })));
      const terms = exposureOf(backup);
      const total = totalSeconds(terms);
      const sum = terms.map(({ what, seconds }) => `${what} ${seconds} s`).join(' + ');
      const late: Problem = {
        path: [...path, 'rpoSeconds'],
        message: `is ${backup.rpoSeconds} s but the newest copy of '${name}' can be ${total} s old: ${sum}; add a shorter tier, shorten a timeout, or raise it`,
      };
      const homeless = (['primary', 'recovery'] as const).filter((site) => !sites[site].isolation);
      const isolated = homeless.map((site) => ({
        path: ['sites', site, 'isolation'],
        message: `is missing, but the backups of '${name}' are proven by restoring them: name an isolated network`,
      }));
      return [...tiers, ...(total > backup.rpoSeconds ? [late] : []), ...isolated];
    }).flat(),
  ).flat();

/** A watch that is overdue before its second round alarms for nothing. */
const integrityProblems: Rule = ({ workloads }) =>
  each(workloads, ({ databases }, i) =>
    each(databases, ({ integrity }, j): Problem[] => {
      if (!integrity) return [];
      const path = ['workloads', i, 'databases', j, 'integrity'];
      const minutes = roundMinutes(integrity);
      const hasty: Problem = {
        path: [...path, 'overdueAfterMinutes'],
        message: `is ${integrity.overdueAfterMinutes} but a round comes every ${minutes} minutes; give at least twice that`,
      };
      const names = duplicates(integrity.assertions.map(({ name }, k) => ({ value: name, path: [...path, 'assertions', k, 'name'] })));
      return [...names, ...(minutes !== undefined && integrity.overdueAfterMinutes < 2 * minutes ? [hasty] : [])];
    }).flat(),
  ).flat();

/** The vault is another account, and is there for whoever copies into it. */
const vaultProblems: Rule = ({ account, vault, workloads }) => [
  ...(vault?.account === account
    ? [
        {
          path: ['vault', 'account'],
          message: `is ${account}, this environment's own account; name one that this one's people cannot enter`,
        },
      ]
    : []),
  ...each(workloads, ({ databases }, i) =>
    each(databases, ({ backup }, j): Problem[] => {
      const copies = backup?.copyToAccount;
      if (!copies) return [];
      const path = ['workloads', i, 'databases', j, 'backup', 'copyToAccount'];
      const known = backup.tiers.map(({ every }) => every);
      const homeless = vault ? [] : [{ path, message: `needs an account to copy to; name it: vault: { account: '123456789012' }` }];
      const unknown = each(copies.tiers, (tier, k) => ({ tier, path: [...path, 'tiers', k] })).filter(({ tier }) => !known.includes(tier));
      return [
        ...homeless,
        ...unknown.map(({ tier, path: at }) => ({
          path: at,
          message: `is '${tier}', which is no tier of this policy: ${known.join(', ')}`,
        })),
      ];
    }).flat(),
  ).flat(),
];

/** AWS, RDS user guide, 'Quotas and constraints': cross-region automated backups replications of an account, 2026-11. */
const MOST_REPLICATIONS = 20;

const replicationProblems: Rule = ({ workloads }) => {
  const all = each(workloads, ({ databases }, i) =>
    each(databases, ({ backup }, j) => ({ backup, path: ['workloads', i, 'databases', j, 'backup', 'replicatedAutomatedBackups'] })),
  )
    .flat()
    .filter(({ backup }) => backup?.replicatedAutomatedBackups);
  return all.slice(MOST_REPLICATIONS).map(({ path }) => ({
    path,
    message: `is one of ${all.length}, but RDS replicates the automated backups of ${MOST_REPLICATIONS} databases of an account; leave it out where snapshots are enough`,
  }));
};

const rules: readonly Rule[] = [
  siteProblems,
  witnessProblems,
  consistencyProblems,
  riskProblems,
  enforcementProblems,
  leaseProblems,
  nameProblems,
  zoneProblems,
  dependencyProblems,
  objectiveProblems,
  backupProblems,
  integrityProblems,
  vaultProblems,
  replicationProblems,
];
