import { setTimeout as sleep } from 'node:timers/promises';
import { type DBSnapshot, DeleteDBSnapshotCommand } from '@aws-sdk/client-rds';
import { Machines } from '../../drill/machines.ts';
import type { LedgerPoint } from '../../drill/recovery-points.ts';
import type { Region } from '../../types.ts';
import { type Bench, type TaskOptions, taskCampaign } from './task.ts';

/** Old enough that the run after the next one lets it go. */
const AGE_MS = 20 * 86_400_000;
const MINUTE_MS = 60_000;
const COMPLETE_WITHIN_MS = 60_000;
const POLL_MS = 500;
const RUN_WITHIN_MS = 240_000;

/**
 * Takes a recovery point and copies it to the other site, which goes dark under `dark-here`. Each run is due a minute after the one before,
 * some weeks ago: so each lets the one before it go, and no snapshots gather. The janitor of a run that failed is the next one.
 */
export const backupTask: TaskOptions = {
  name: 'backup',
  machine: 'backup',
  places: ({ primary, recovery }) => ({ region: primary, dark: recovery }),
  input: dueNext,
  async falsePass(bench, run) {
    const { dueAt } = run.input as { dueAt: string };
    const dueMs = Date.parse(dueAt);
    const points = await bench.view.points();
    // Its own, the one before, which it lets go, and the proven one.
    for (const point of points.filter((each) => Date.parse(each.dueAt) >= dueMs - MINUTE_MS)) {
      const missing = await missingCopy(bench, point);
      if (missing) return `${point.id} is recorded in ${missing}, and is not there`;
    }
    if (run.status !== 'SUCCEEDED') return undefined;
    const own = points.find((point) => Date.parse(point.dueAt) === dueMs);
    return own?.copies.length === 2 ? undefined : `the run succeeded, and recorded ${JSON.stringify(own?.copies)}`;
  },
  async leftovers(bench) {
    const { drill, view, region } = bench;
    if ((await uncounted(bench)).length > 0) {
      const machines = new Machines(drill, region);
      await machines.run('backup', await dueNext(bench), RUN_WITHIN_MS).finally(() => machines.close());
    }
    const left = await uncounted(bench);
    // So that no later attack is blamed for it.
    for (const { DBSnapshotIdentifier, home } of left)
      await view.rds(home, (client) => client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier })));
    return left.map(({ DBSnapshotArn = '' }) => DBSnapshotArn);
  },
};

export const backup = taskCampaign(backupTask);

async function dueNext({ view, region }: Bench): Promise<{ dueAt: string }> {
  const before = Date.now() - AGE_MS;
  const known = (await view.points()).map(({ dueAt }) => Date.parse(dueAt));
  const taken = (await view.snapshots(region)).map(dueOf);
  const last = Math.max(before, ...[...known, ...taken].filter((at) => at < before + AGE_MS / 2));
  return { dueAt: new Date(last + MINUTE_MS).toISOString() };
}

/** Snapshots of both sites that the ledger does not count on. */
async function uncounted({ drill, view }: Bench): Promise<(DBSnapshot & { home: Region })[]> {
  const points = await view.points();
  const kept = new Set(points.flatMap(({ copies }) => copies.flatMap(({ arn, deletedAt }) => (deletedAt ? [] : [arn]))));
  const of = async (home: Region) => (await view.snapshots(home)).map((one) => ({ ...one, home }));
  const all = (await Promise.all([drill.primary, drill.recovery].map(of))).flat();
  return all.filter(({ DBSnapshotArn = '' }) => !kept.has(DBSnapshotArn));
}

const dueOf = ({ TagList = [] }: DBSnapshot): number => Date.parse(TagList.find(({ Key }) => Key === 'lifeboat:due-at')?.Value ?? '');

/** The region of a copy that the ledger counts on, and RDS does not have complete within a moment. */
async function missingCopy({ view, drill }: Bench, { id, copies }: LedgerPoint): Promise<Region | undefined> {
  const isThere = async (region: Region): Promise<boolean> => {
    const found = (await view.snapshots(region)).find(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier === id);
    return found?.Status === 'available';
  };
  const deadline = Date.now() + COMPLETE_WITHIN_MS;
  for (const { region } of copies.filter(({ deletedAt }) => !deletedAt)) {
    while (!(await isThere(region))) {
      drill.parts.signal.throwIfAborted();
      if (Date.now() > deadline) return region;
      await sleep(POLL_MS);
    }
  }
  return undefined;
}
