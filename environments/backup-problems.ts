import { exposureOf } from './backup.ts';
import { totalSeconds } from './budget.ts';
import { duplicates, each } from './entries.ts';
import { roundMinutes } from './integrity.ts';
import { snapshotStem } from './names.ts';
import type { Problem, Rule } from './problems.ts';
import { readable } from './salvage.ts';

/** A backup policy that cannot meet its own RPO is refused with the sum. */
const policyProblems: Rule = ({ workloads, sites }) =>
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

/** One snapshot would be taken for two databases: each restore of the one could bring the other's rows. */
const snapshotNameProblems: Rule = ({ workloads }) => {
  const owners = new Map<string, { workload: string; name: string }>();
  return each(workloads, ({ name: workload, databases }, i) =>
    each(databases, ({ name, backup }, j): Problem[] => {
      const stems = (backup?.tiers ?? []).map(({ every }) => snapshotStem(workload, name, every));
      const taken = stems.find((stem) => owners.has(stem));
      for (const stem of stems) if (!owners.has(stem)) owners.set(stem, { workload, name });
      const other = taken === undefined ? undefined : owners.get(taken)!;
      // Two of one name in one workload have their own problem.
      if (!other || (other.workload === workload && other.name === name)) return [];
      const message = `is '${name}', whose snapshots would have the name ${taken}, as those of '${other.name}' of workload '${other.workload}'; rename one of them`;
      return [{ path: ['workloads', i, 'databases', j, 'name'], message }];
    }).flat(),
  ).flat();
};

/** What the policies of backups and of the integrity watch must satisfy. */
export const backupProblems: Rule = (environment) =>
  [policyProblems, integrityProblems, vaultProblems, replicationProblems, snapshotNameProblems].flatMap(
    (rule) => readable(() => rule(environment)) ?? [],
  );
