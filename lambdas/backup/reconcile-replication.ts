import { z } from 'zod';
import { log } from '../kit/log.ts';
import { type Datum, metricWriter } from '../kit/metrics.ts';
import { otherSite, type Workload } from '../kit/plan.ts';
import { type Base, defineStep, required } from '../kit/step.ts';
import { type AutomatedBackup, RdsAutomatedBackups } from '../resources/rds-automated-backups.ts';

interface Services {
  backups: Pick<RdsAutomatedBackups, 'list' | 'replicate'>;
  keyArn: string;
}

/**
 * Keeps the automated backups of each workload that is active in the other site coming here, and says how far behind they are. Where the
 * workload is active in this site the other one does it, and this one says 0: silence is always an alarm. It stops and deletes nothing:
 * after a move, what has come here goes with its retention.
 */
export const reconcileReplication = defineStep({
  name: 'reconcile-replication',
  input: z.strictObject({}),
  throws: [],
  build: ({ plan }) => ({
    backups: new RdsAutomatedBackups(),
    keyArn: required('LIFEBOAT_KEY_ARN'),
    put: metricWriter(plan.name),
  }),
  run: async (_, services) => {
    const { plan, backups, put } = services;
    const watched = plan.workloads.filter(({ databases }) => databases.some(({ backup }) => backup?.replicatedAutomatedBackups));
    const known = await backups.list();
    const read = await Promise.allSettled(watched.map((workload) => reconcile(workload, known, services)));
    const data = read.flatMap((part) => (part.status === 'fulfilled' ? [part.value] : []));
    const unread = read.flatMap((part) => (part.status === 'rejected' ? [String(part.reason)] : []));
    await put(data);
    if (unread.length > 0) log('replication-not-read', { unread });
    return { data, unread: unread.length };
  },
});
export const handler = reconcileReplication.handler;

const reconcile = async ({ name, databases }: Workload, known: readonly AutomatedBackup[], services: Base & Services): Promise<Datum> => {
  const { plan, site, ledger, backups, keyArn, now } = services;
  const lease = await ledger.lease(name);
  const holder = lease?.holder;
  let lag = 0;
  for (const { name: database, instances, backup } of databases) {
    const policy = backup?.replicatedAutomatedBackups;
    if (!policy || !lease || holder !== otherSite(site)) continue;
    const suffix = `:${plan.sites[holder].region}:${plan.account}:db:${instances[holder]}`;
    const ours = known.filter(({ instanceArn, status }) => instanceArn.endsWith(suffix) && status !== 'retained');
    const latest = ours.flatMap(({ latestAt }) => (latestAt ? [Date.parse(latestAt)] : []));
    const since = latest.length > 0 ? Math.max(...latest) : await firstAskedAt(services, `${name}#${database}`, lease.epoch);
    lag = Math.max(lag, (now() - since) / 1000);
    if (ours.length > 0) continue;
    const answer = await backups.replicate(`arn:${partitionOf(keyArn)}:rds${suffix}`, { retentionDays: policy.retentionDays, keyArn });
    log('backups-replicated', { workload: name, database, ...answer });
  }
  return { name: 'BackupReplicationLag', value: lag, workload: name, unit: 'Seconds' };
};

const partitionOf = (arn: string): string => arn.split(':')[1] ?? 'aws';

/** A replication that has brought nothing yet is behind from here on; after a move it begins anew. */
const firstAskedAt = async ({ ledger, site, now }: Base, of: string, epoch: number): Promise<number> => {
  const key = { pk: `recovery-point#replication#${of}`, sk: `${site}#${epoch}` };
  const known = await ledger.get(key);
  if (known) return Number(known.at);
  await ledger.put({ ...key, at: now() }, 'attribute_not_exists(pk)');
  return now();
};
