import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { THREE_ROUNDS_WITHIN_MS } from '../../patience.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 240_000;
/** A try comes at most half a minute after the one before; what it finds done, it must have had the time to do. */
const SHOWN_WITHIN_MS = 240_000;

export const quotaFull: Scenario = {
  name: 'quota-full',
  title: 'RDS has no room for another snapshot, then none for another copy',
  story:
    'The account has used up its manual snapshots. A backup run waits instead of failing, its history says what for, the alarm on the quota fires, ' +
    'and nothing that is there is deleted to make room. When there is room for snapshots but none for copies it waits again; then it goes on to its end.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const { watcher, signal } = drill.parts;
    const { rdsQuotas } = drill.lab;
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const alarm = () => watcher.alarmStates(drill.primary).get(`lifeboat-${ENVIRONMENT}-snapshot-quota`);
    const first = await home.run('backup', {}, RUN_WITHIN_MS);
    if (first.status !== 'SUCCEEDED') throw new Error(`the first backup is ${first.status}: ${first.cause}`);
    await watcher.until('an alarm on the quota that is quiet', () => alarm() === 'OK' || undefined, THREE_ROUNDS_WITHIN_MS, signal);
    const usual = { ...rdsQuotas };

    await drill.mend('The quotas of snapshots and of copies are full', () =>
      Object.assign(rdsQuotas, { manualSnapshots: 1, copiesAtOnce: 0 }),
    );
    const run = await home.start('backup', { tier: 'daily' });
    await home.shows(run, /snapshots are not there yet, the first: \S+-daily-\d+ waits: SnapshotQuotaExceeded/, SHOWN_WITHIN_MS);
    drill.note('the history of the run says that it waits for room among the snapshots');
    await watcher.until('the alarm on the quota', () => alarm() === 'ALARM' || undefined, THREE_ROUNDS_WITHIN_MS, signal);
    const kept = [drill.primary, drill.recovery].map(async (region) => (await view.snapshots(region)).length);
    if ((await Promise.all(kept)).some((count) => count !== 1)) throw new Error('snapshots were taken or deleted without room');

    await drill.mend('There is room for snapshots', () => Object.assign(rdsQuotas, { manualSnapshots: usual.manualSnapshots }));
    await home.shows(run, /copies are not there yet, the first: \S+-daily-\d+ waits: SnapshotQuotaExceeded/, SHOWN_WITHIN_MS);
    drill.note('the history of the run says that it waits for room among the copies');
    await drill.mend('There is room for copies', () => Object.assign(rdsQuotas, usual));
    const { status, cause, seconds } = await home.ended(run, RUN_WITHIN_MS);
    drill.note(`the run that waited is ${status} after ${seconds.toFixed(0)} s`);
    if (status !== 'SUCCEEDED') throw new Error(`the run that waited is ${status}: ${cause}`);
    const points = await view.points();
    if (points.length !== 2 || points.some(({ copies }) => copies.length !== 2))
      throw new Error(`the recovery points are ${JSON.stringify(points)}`);
    await watcher.until('the end of the alarm', () => alarm() === 'OK' || undefined, THREE_ROUNDS_WITHIN_MS, signal);
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
