import type { Drill } from '../../drill.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { BackupView, type LedgerPoint } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';
import { SnapshotFile } from '../../snapshot-files.ts';
import { damagesFor } from './damages.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 180_000;
/** Good recovery points, each proven as often: none may be called bad. */
const GOOD = 4;
const PROOFS_EACH = 5;

export const unrestorableBackup: Scenario = {
  name: 'unrestorable-backup',
  title: 'Backups that are complete but cannot be used',
  story:
    'Copies that RDS calls available are damaged beneath it, in eleven ways: bits flipped, files missing or cut, log segments missing or corrupt, ' +
    'a truncated snapshot, the data of an older one. Each must be found by its verification, and no good one may be called bad.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const view = new BackupView(drill, ENVIRONMENT);
    const home = new Machines(drill, drill.primary);
    const away = new Machines(drill, drill.recovery);
    for (let i = 0; i < GOOD; i++) {
      await requireSucceeded(home.run('backup', { dueAt: minutesAgo(GOOD - i) }, RUN_WITHIN_MS));
      await drill.writes(100, { site: drill.primary, boundMs: 60_000 });
    }
    const points = await view.points();
    if (points.length !== GOOD) throw new Error(`there are ${points.length} recovery points, not ${GOOD}`);
    const wrong: string[] = [];
    for (let proof = 0; proof < PROOFS_EACH; proof++) {
      for (const { id } of points) wrong.push(...(await prove(drill, away, view, id, 'verified', 'a good one')));
    }
    const [victim] = points;
    const file = new SnapshotFile(drill.lab, drill.recovery, victim!.id);
    await file.keep();
    for (const { name, apply } of await damagesFor(drill, new SnapshotFile(drill.lab, drill.recovery, points.at(-1)!.id))) {
      await drill.mend(`Damage: ${name}`, () => apply(file));
      wrong.push(...(await prove(drill, away, view, victim!.id, 'failed', name)));
      await file.repair();
    }
    const left = await view.copies(drill.recovery);
    wrong.push(...left.map(({ DBInstanceIdentifier }) => `${DBInstanceIdentifier} was left behind`));
    home.close();
    away.close();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

const minutesAgo = (minutes: number): string => new Date(Math.floor(Date.now() / 60_000 - minutes) * 60_000).toISOString();

const requireSucceeded = async (running: ReturnType<Machines['run']>): Promise<void> => {
  const { name, status, cause } = await running;
  if (status !== 'SUCCEEDED') throw new Error(`${name} is ${status}: ${cause}`);
};

/** Verifies one recovery point and compares what was found; says what is wrong. */
const prove = async (drill: Drill, away: Machines, view: BackupView, id: string, expected: string, what: string): Promise<string[]> => {
  const { name } = await away.run('verify-backup', { recoveryPoint: id }, RUN_WITHIN_MS);
  const found = (await view.points()).find((point) => point.id === id);
  drill.note(`${what}: ${found?.standing}; ${badChecks(found)}`);
  const ok = found?.standing === expected && found.verification?.run === name;
  return ok ? [] : [`${what} should be ${expected}, is ${found?.standing}: ${badChecks(found)}`];
};

const badChecks = (point: LedgerPoint | undefined): string =>
  (point?.verification?.checks ?? [])
    .filter(({ verdict }) => verdict !== 'passed')
    .map(({ check, verdict, detail }) => `${check} ${verdict}: ${detail}`)
    .join('; ') || 'all checks passed';
