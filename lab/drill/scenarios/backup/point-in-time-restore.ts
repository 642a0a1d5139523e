import { DescribeDBInstanceAutomatedBackupsCommand } from '@aws-sdk/client-rds';
import type { Drill } from '../../drill.ts';
import { lossWithin, noRun, oneWriter, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import { aroundMoment, nextWholeSecond } from '../../moments.ts';
import { until } from '../../patience.ts';
import { BackupView } from '../../recovery-points.ts';
import type { Scenario } from '../../scenario.ts';

const ENVIRONMENT = 'demo-copies';
const RUN_WITHIN_MS = 300_000;
/** The replication is asked for once a minute, and has to bring the first base. */
const REPLICATED_WITHIN_MS = 180_000;

export const pointInTimeRestore: Scenario = {
  name: 'point-in-time-restore',
  title: 'The database as it was at a second, in both sites',
  story:
    'While a client writes many times a second, a person restores the database beside the live one to a second T, and in the other site from the ' +
    'automated backups that RDS has brought there. In both, every order that the client had acknowledged before T is there, and none that it sent after T; ' +
    'the live database is not touched.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    await drill.writes(200, { site: drill.primary, boundMs: 30_000 });
    const moment = await nextWholeSecond(drill);
    await drill.writes(200, { site: drill.primary, boundMs: 30_000 });
    await restoredTo(drill, drill.primary, moment);
    await replicatedTo(drill, moment);
    await restoredTo(drill, drill.recovery, moment);
  },
  promises: [lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};

const restoredTo = async (drill: Drill, region: string, moment: Date): Promise<void> => {
  const machines = new Machines(drill, region);
  const target = { at: moment.toISOString() };
  const { status, output, cause, seconds } = await machines.run('restore', { workload: 'orders', target, reason: 'drill' }, RUN_WITHIN_MS);
  machines.close();
  if (status !== 'SUCCEEDED') throw new Error(`restore in ${region} is ${status}: ${cause}`);
  const { missing, early, inFlight, present } = await aroundMoment(drill, String(output.endpoint), moment);
  drill.note(
    `${region} restored to ${target.at} in ${seconds.toFixed(1)} s: ${present} orders; ${missing.length} missing that were acknowledged before, ` +
      `${early.length} there that were sent after, ${inFlight} under way at that moment; reaches to ${String(output.reachesTo)}`,
  );
  if (present === 0 || missing.length > 0)
    throw new Error(`${missing.length} orders acknowledged before T are missing: ${missing.slice(0, 3).join(', ')}`);
  if (early.length > 0) throw new Error(`${early.length} orders sent after T are there: ${early.slice(0, 3).join(', ')}`);
};

/** Until RDS has brought the log of that moment to the other site. */
const replicatedTo = async (drill: Drill, moment: Date): Promise<void> => {
  const view = new BackupView(drill, ENVIRONMENT);
  const reaches = async () => {
    const { DBInstanceAutomatedBackups: all = [] } = await view.rds(drill.recovery, (rds) =>
      rds.send(new DescribeDBInstanceAutomatedBackupsCommand({})),
    );
    return (
      all.some(
        ({ Region, RestoreWindow }) => Region === drill.primary && RestoreWindow?.LatestTime && RestoreWindow.LatestTime >= moment,
      ) || undefined
    );
  };
  drill.parts.progress.phase('Until the log of T is in the other site');
  await until(`a replicated backup in ${drill.recovery} that reaches T`, reaches, REPLICATED_WITHIN_MS);
};
