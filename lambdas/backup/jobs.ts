import { z } from 'zod';
import { type BackupPolicy, tierNames } from '../../environments/backup.ts';
import { snapshotStem } from '../../environments/names.ts';
import { type Database, type Environment, type SiteName, workloadOf } from '../kit/plan.ts';
import { RdsSnapshots } from '../resources/rds-snapshots.ts';

/** A run as `read-backup-request` validated it; it travels unchanged through the machine. */
export const backupRequest = z.strictObject({
  run: z.string().min(1),
  tier: z.enum(tierNames),
  /** When it was due, whenever it began. */
  dueAt: z.iso.datetime(),
  workloads: z.array(z.string()),
});
export type BackupRequest = z.infer<typeof backupRequest>;

/** What every step of a backup run receives: the run's databases are many, so each step works on all of them by listing. */
export const backupRun = z.strictObject({ request: backupRequest });

export interface Job {
  id: string;
  workload: string;
  database: string;
  tier: string;
  dueAt: string;
  instance: string;
  config: Database;
  policy: BackupPolicy;
  tags: Record<string, string>;
}

/** A recovery point for each database of the run that has the tier. */
export const jobsOf = (plan: Environment, site: SiteName, { tier, dueAt, workloads }: BackupRequest): Job[] =>
  workloads.flatMap((name) =>
    workloadOf(plan, name).databases.flatMap((config): Job[] => {
      if (!config.backup?.tiers.some(({ every }) => every === tier)) return [];
      const id = ['lifeboat', plan.name, snapshotStem(name, config.name, tier), dueAt.replace(/\D/g, '').slice(0, 12)].join('-');
      const tags = { 'lifeboat:workload': name, 'lifeboat:database': config.name, 'lifeboat:tier': tier, 'lifeboat:due-at': dueAt };
      const instance = config.instances[site];
      return [{ id, workload: name, database: config.name, tier, dueAt, instance, config, policy: config.backup, tags }];
    }),
  );

/** The tables of both sites' snapshots. */
export const snapshotsOf = (plan: Environment): Record<SiteName, RdsSnapshots> => ({
  primary: new RdsSnapshots(plan.sites.primary.region, plan.name),
  recovery: new RdsSnapshots(plan.sites.recovery.region, plan.name),
});

/** Does the job's policy ask for a copy in the other account? */
export const isForVault = ({ policy, tier }: Pick<Job, 'policy' | 'tier'>): boolean =>
  policy.copyToAccount?.tiers.some((each) => each === tier) ?? false;

/** Work on each of many things, so many at once, and what came of it in their order. Hundreds at once would outlive their timeouts in one another's queue. */
export const inParallel = async <T, R>(items: readonly T[], work: (item: T) => Promise<R>, atOnce = 20): Promise<R[]> => {
  const done = new Map<T, R>();
  const unbounded = { until: Number.POSITIVE_INFINITY, now: () => 0 };
  await atMost(items, { atOnce, ...unbounded }, async (item) => void done.set(item, await work(item)));
  return items.map((item) => done.get(item)!);
};

/** Runs work on many things, so many at once, and begins none after the time is up; says which were not begun. */
export const atMost = async <T>(
  items: readonly T[],
  { atOnce, until, now }: { atOnce: number; until: number; now: () => number },
  work: (item: T) => Promise<void>,
): Promise<T[]> => {
  const queue = [...items];
  const next = async (): Promise<void> => {
    while (queue.length > 0 && now() < until) await work(queue.shift()!);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
  return queue;
};
