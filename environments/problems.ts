import { totalSeconds, waitsOf } from './budget.ts';
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

/** The rules that a shape cannot say. Each message names what is wrong, what is accepted, and the fix. */
export const findProblems = (environment: Environment): Problem[] => [
  ...regionProblems(environment),
  ...leaseProblems(environment),
  ...nameProblems(environment),
  ...dependencyProblems(environment),
  ...objectiveProblems(environment),
];

const regionProblems = ({ sites, witness, consistency, failover, acceptedRisks }: Environment): Problem[] => {
  const regions = [sites.primary.region, sites.recovery.region, witness.region];
  const problems: Problem[] = [];
  if (regions[0] === regions[1]) {
    problems.push({
      path: ['sites', 'recovery', 'region'],
      message: `is ${regions[1]}, the primary site's region too; choose another region`,
    });
  }
  if (regions[2] === regions[0] || regions[2] === regions[1]) {
    problems.push({
      path: ['witness', 'region'],
      message: `is ${regions[2]}, a site's region too; the witness must stand in a third region`,
    });
  }
  if (consistency === 'strong' && !STRONG_SETS.some((set) => regions.every((region) => set.includes(region)))) {
    const sets = STRONG_SETS.map((set) => set.join(', ')).join(' | ');
    problems.push({
      path: ['consistency'],
      message: `strong is not possible across ${regions.join(', ')}; use regions of one set (${sets}), or consistency: 'eventual'`,
    });
  }
  const risk = 'automatic-failover-on-eventual-ledger';
  if (consistency === 'eventual' && failover.policy === 'automatic' && !acceptedRisks.includes(risk)) {
    problems.push({
      path: ['failover', 'policy'],
      message: `automatic needs consistency: 'strong', else two sites may both hold the lease; use 'approval', or accept the risk: acceptedRisks: ['${risk}']`,
    });
  }
  return problems;
};

const leaseProblems = ({ lease }: Environment): Problem[] => {
  const needed = lease.renewEverySeconds * 2 + lease.fenceLeadSeconds;
  if (needed < lease.ttlSeconds) return [];
  const sum = `2 x renewEverySeconds ${lease.renewEverySeconds} + fenceLeadSeconds ${lease.fenceLeadSeconds} = ${needed}`;
  return [
    {
      path: ['lease', 'ttlSeconds'],
      message: `is ${lease.ttlSeconds} but must be over ${needed} (${sum}): one lost renewal must not fence a healthy site`,
    },
  ];
};

const nameProblems = ({ workloads }: Environment): Problem[] => [
  ...duplicates(workloads.map((workload, i) => ({ value: workload.name, path: ['workloads', i, 'name'] }))),
  ...duplicates(
    workloads.map((workload, i) => ({ value: workload.endpoint.publicName, path: ['workloads', i, 'endpoint', 'publicName'] })),
  ),
  ...workloads.flatMap((workload, i) =>
    duplicates(workload.databases.map((database, j) => ({ value: database.name, path: ['workloads', i, 'databases', j, 'name'] }))),
  ),
  ...workloads.flatMap((workload, i) =>
    duplicates(workload.compute.map((compute, j) => ({ value: compute.name, path: ['workloads', i, 'compute', j, 'name'] }))),
  ),
  ...workloads.flatMap(({ endpoint }, i) =>
    endpoint.publicName === endpoint.hostedZone.name || endpoint.publicName.endsWith(`.${endpoint.hostedZone.name}`)
      ? []
      : [
          {
            path: ['workloads', i, 'endpoint', 'publicName'],
            message: `${endpoint.publicName} is not in the hosted zone ${endpoint.hostedZone.name}`,
          },
        ],
  ),
];

const duplicates = (entries: { value: string; path: (string | number)[] }[]): Problem[] =>
  entries
    .filter(({ value }, i) => entries.findIndex((other) => other.value === value) < i)
    .map(({ value, path }) => ({ path, message: `'${value}' is used twice; give each its own` }));

const dependencyProblems = ({ workloads }: Environment): Problem[] => {
  const known = workloads.map(({ name }) => name);
  const unknown = workloads.flatMap(({ dependsOn }, i) =>
    dependsOn.flatMap((name, j) =>
      known.includes(name)
        ? []
        : [{ path: ['workloads', i, 'dependsOn', j], message: `'${name}' is no workload of this environment; known: ${known.join(', ')}` }],
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

const objectiveProblems = (environment: Environment): Problem[] =>
  environment.workloads.flatMap((workload, i) => {
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
  });
