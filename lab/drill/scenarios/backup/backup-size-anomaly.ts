import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { THREE_ROUNDS_WITHIN_MS } from '../../patience.ts';
import type { Scenario } from '../../scenario.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const RUN_WITHIN_MS = 240_000;
const HOUR_MS = 3_600_000;
/** So much is poured in, as a part of what is there: far over the 30 %, and little in the mean of the five that the last one is compared with. */
const POURED_PART = 0.8;
/** Of a row that is poured in, its page's share included. */
const ROW_BYTES = 1_150;
/** So many backups of the usual size make the mean that the next ones are compared with. */
const USUAL_HOURS_AGO = [96, 72, 48, 24];

export const backupSizeAnomaly: Scenario = {
  name: 'backup-size-anomaly',
  title: 'A backup is of another size than those of the week',
  story:
    'Four backups of the usual size are no reason to warn. Then a table is poured in: the next backup is over 30 % larger than the mean of the week, ' +
    'and the warning fires. The table is dropped: the backup after it is of the usual size, and the warning ends.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const { watcher, signal } = drill.parts;
    const home = new Machines(drill, drill.primary);
    const until = (what: string, state: string) =>
      watcher.until(
        what,
        () => watcher.alarmStates(drill.primary).get(`lifeboat-${ENVIRONMENT}-orders-backup-size`) === state || undefined,
        THREE_ROUNDS_WITHIN_MS,
        signal,
      );
    const backup = async (hoursAgo: number): Promise<void> => {
      const dueAt = new Date(Date.now() - hoursAgo * HOUR_MS).toISOString();
      const { status, cause } = await home.run('backup', { dueAt }, RUN_WITHIN_MS);
      if (status !== 'SUCCEEDED') throw new Error(`a backup is ${status}: ${cause}`);
    };
    for (const hoursAgo of USUAL_HOURS_AGO) await backup(hoursAgo);
    await until('a warning that is quiet', 'OK');
    await drill.mend('A table is poured in', () =>
      drill.sql(
        drill.primary,
        `CREATE TABLE poured AS SELECT id, repeat(md5(id::text), 32) AS text
         FROM generate_series(1, (pg_database_size(current_database()) * ${POURED_PART} / ${ROW_BYTES})::int) AS id`,
      ),
    );
    await backup(1);
    await until('the warning', 'ALARM');
    await drill.mend('The table is dropped', () => drill.sql(drill.primary, 'DROP TABLE poured'));
    await backup(0);
    await until('the end of the warning', 'OK');
    home.close();
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
