import { backupProblems } from './backup-problems.ts';
import { totalSeconds, waitsOf } from './budget.ts';
import { duplicates, each } from './entries.ts';
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
];
