import { NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { otherSite } from '../kit/plan.ts';
import { RecoveryPoints } from '../kit/recovery-points.ts';
import { defineStep } from '../kit/step.ts';
import type { Answer, Snapshot } from '../resources/rds-snapshots.ts';
import { vaultKeyOf, vaultSnapshots } from '../resources/vault.ts';
import { askForCopies, underWay } from './ask-for-copies.ts';
import { backupRun, inParallel, isForVault, type Job, jobsOf, snapshotsOf } from './jobs.ts';

/**
 * Has the vault's own role copy what its policy names, under a key of the vault's account, and writes that into the recovery point. The
 * source is the copy in the other site: it lies under Lifeboat's own key, which can be shared, whatever the database's is. Waits for all.
 * What lies there under no key is never shared: no key's policy would stand between it and whoever can name it.
 * @throws NotReady while one is on its way or waits.
 */
export const copyToAccount = defineStep({
  name: 'copy-to-account',
  input: backupRun,
  throws: [NotReady],
  build: ({ plan, site, ledger }) => ({
    snapshots: snapshotsOf(plan),
    vault: plan.vault && vaultSnapshots(plan, plan.vault.account, plan.sites[otherSite(site)].region),
    points: new RecoveryPoints(ledger),
  }),
  run: async ({ request }, { plan, site, snapshots, vault, points, now }) => {
    const wanted = jobsOf(plan, site, request).filter(isForVault);
    if (!vault || !plan.vault || wanted.length === 0) return { copied: 0, of: 0 };
    const { account } = plan.vault;
    const there = snapshots[otherSite(site)];
    const [source, known] = await Promise.all([there.list(), vault.list()]);
    const jobs = wanted.filter(({ id }) => source.get(id)?.status === 'available');
    const isEncrypted = ({ id }: Job): boolean => source.get(id)!.encrypted;
    const missing = jobs.filter((job) => !known.has(job.id) && isEncrypted(job));
    const copy = async ({ id }: Job): Promise<Answer> => {
      await there.share(id, account);
      return vault.copyFrom(source.get(id)!, vaultKeyOf(plan));
    };
    const { waiting, refused } = await askForCopies(missing, known, copy, now);
    refused.push(...jobs.filter((job) => !isEncrypted(job)).map(({ id }) => `${id} is not encrypted, and is shared with nobody`));
    waiting.push(...underWay(jobs, known));
    if (refused.length > 0) log('vault-copies-refused', { run: request.run, refused });
    if (waiting.length > 0)
      throw new NotReady(`${waiting.length} of ${jobs.length} copies are not in account ${account} yet, the first: ${waiting[0]}`);
    await inParallel(wanted, (job) => noteCopies(job, known, { account, region: vault.region, points }));
    return { copied: jobs.filter(({ id }) => isSound(known.get(id), source.get(id)!)).length, of: wanted.length };
  },
});
export const handler = copyToAccount.handler;

/** Complete, encrypted, and of the source's engine and size: nothing else is ever counted on. */
const isSound = (
  copy: Snapshot | undefined,
  source: Pick<Snapshot, 'engineVersion' | 'allocatedGb'>,
): copy is Snapshot & { completedAt: string } =>
  copy?.status === 'available' &&
  copy.completedAt !== undefined &&
  copy.encrypted &&
  copy.engineVersion === source.engineVersion &&
  copy.allocatedGb === source.allocatedGb;

/** Into each recovery point of the database, also of runs before, which may have had a copy made and died before they noted it. */
const noteCopies = async (
  { workload, database }: Job,
  known: Map<string, Snapshot>,
  { account, region, points }: { account: string; region: string; points: RecoveryPoints },
): Promise<void> => {
  for (const point of await points.list(workload, database)) {
    const copy = known.get(point.id);
    if (point.vault || !isSound(copy, point)) continue;
    const { arn, completedAt, kmsKeyId } = copy;
    await points.note(point, { vault: { account, region, arn, completedAt, kmsKeyId } });
  }
};
