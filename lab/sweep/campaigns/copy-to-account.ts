import type { DBSnapshot } from '@aws-sdk/client-rds';
import { Machines } from '../../drill/machines.ts';
import { VaultPeople } from '../../drill/vault.ts';
import { backupTask } from './backup.ts';
import { type Bench, taskCampaign } from './task.ts';

const ENVIRONMENT = 'sweep-copies';
const RUN_WITHIN_MS = 240_000;
/** The step, and the role of the vault's account that it takes on. */
const STEPS = ['copy-to-account', 'vault'];

/**
 * The step of a backup that has the other account copy it. What that account keeps nothing here deletes: a copy that the ledger does not
 * count on after the next run would be known to nobody.
 */
export const copyToAccount = taskCampaign({
  ...backupTask,
  name: 'copy-to-account',
  environment: ENVIRONMENT,
  prepare: (drill) => new VaultPeople(drill).deploy(),
  roles: [`arn:aws:iam::111111111111:role/lifeboat-${ENVIRONMENT}-vault`],
  attacks: ({ step }) => STEPS.includes(step),
  async falsePass(bench, run) {
    const wrong = await backupTask.falsePass(bench, run);
    if (wrong) return wrong;
    const kept = await keptBy(bench);
    const points = await bench.view.points();
    const missing = points.find(({ vault }) => vault && !kept.some((one) => one.DBSnapshotArn === vault.arn && isSound(one)));
    if (missing) return `${missing.id} is recorded in the vault, and is not there`;
    const { dueAt } = run.input as { dueAt: string };
    const isKept = points.some((point) => point.vault && Date.parse(point.dueAt) === Date.parse(dueAt));
    return run.status === 'SUCCEEDED' && !isKept ? 'the run succeeded, and nothing of it is recorded in the vault' : undefined;
  },
  async leftovers(bench, runs) {
    const left = await backupTask.leftovers(bench, runs);
    if ((await uncounted(bench)).length > 0) {
      const machines = new Machines(bench.drill, bench.region);
      await machines.run('backup', await backupTask.input(bench), RUN_WITHIN_MS).finally(() => machines.close());
    }
    return [...left, ...(await uncounted(bench)).map(({ DBSnapshotArn = '' }) => DBSnapshotArn)];
  },
});

const keptBy = ({ drill }: Bench): Promise<DBSnapshot[]> => new VaultPeople(drill).snapshots(drill.recovery);

const isSound = ({ Status, Encrypted }: DBSnapshot): boolean => Status === 'available' && Encrypted === true;

/** What the vault keeps and the ledger does not know of. */
async function uncounted(bench: Bench): Promise<DBSnapshot[]> {
  const known = new Set((await bench.view.points()).map(({ vault }) => vault?.arn));
  return (await keptBy(bench)).filter(({ DBSnapshotArn }) => !known.has(DBSnapshotArn));
}
