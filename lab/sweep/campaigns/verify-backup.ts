import { setTimeout as sleep } from 'node:timers/promises';
import { expire, runJanitor } from '../../drill/janitors.ts';
import { wasAccepted } from '../../drill/judge/calls.ts';
import type { LedgerPoint } from '../../drill/recovery-points.ts';
import { type Bench, type TaskRun, taskCampaign } from './task.ts';

const EXPIRES_TAG = 'lifeboat:expires-at';
const GONE_WITHIN_MS = 90_000;
const POLL_MS = 1_000;
/** What a proof looks at, the environment's own assertion last: a pass that lacks one of them was none. */
const CHECKS = ['freshness', 'schema', 'contents', 'heap', 'indexes', 'assertion every-line-has-its-order'];

/** Proves, in the other site, the copy that a disaster would leave; under `dark-here` the site that is active goes dark. One recovery point, again and again. */
export const verifyBackup = taskCampaign({
  name: 'verify-backup',
  machine: 'verify-backup',
  places: ({ primary, recovery }) => ({ region: recovery, dark: primary }),
  input: async ({ view }) => ({ recoveryPoint: (await provenOf(await view.points())).id }),
  async falsePass(bench, run) {
    const { verification } = await provenOf(await bench.view.points());
    const own = verification?.run === run.name ? verification : undefined;
    const passed = own?.checks.every(({ verdict }) => verdict === 'passed') ?? false;
    if (run.status === 'SUCCEEDED' && !passed) return `the run succeeded, and its checks are ${JSON.stringify(own?.checks)}`;
    if (!passed) return undefined;
    if (!wasRestored(bench, run)) return `${run.name} passed, and no copy was restored for it`;
    const missing = CHECKS.filter((name) => !own!.checks.some(({ check }) => check === name));
    return missing.length > 0 ? `passed without ${missing.join(', ')}` : undefined;
  },
  async leftovers({ drill, view, region }) {
    const deadline = Date.now() + GONE_WITHIN_MS;
    for (;;) {
      const copies = (await view.copies(region)).filter(({ DBInstanceIdentifier }) => DBInstanceIdentifier?.includes('-verify-'));
      if (copies.length === 0 || Date.now() > deadline) return copies.map(({ DBInstanceIdentifier = '' }) => DBInstanceIdentifier);
      for (const { DBInstanceArn, TagList = [] } of copies) {
        // The time of one that says none is never over.
        if (TagList.some(({ Key }) => Key === EXPIRES_TAG)) await expire(drill, region, DBInstanceArn!, EXPIRES_TAG);
      }
      await runJanitor(drill, region, 'sweep-copies');
      await sleep(POLL_MS);
    }
  },
});

async function provenOf(points: readonly LedgerPoint[]): Promise<LedgerPoint> {
  const found = points.find(({ verification }) => verification);
  if (!found) throw new Error('no recovery point was ever proven');
  return found;
}

/** RDS has taken a request of this run to restore, whatever the caller heard of it. */
const wasRestored = ({ drill, region }: Bench, { startedAt, stoppedAt }: TaskRun): boolean =>
  drill.lab
    .calls()
    .some(
      (call) =>
        call.principal.endsWith('-restore-copy') &&
        call.source === region &&
        call.action === 'RestoreDBInstanceFromDBSnapshot' &&
        wasAccepted(call) &&
        call.at >= startedAt &&
        call.at <= stoppedAt,
    );
