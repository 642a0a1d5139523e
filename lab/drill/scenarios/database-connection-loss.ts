import { APPLICATION_ROLE } from '../../workload/provision.ts';
import { lossWithin, noRun, oneWriter, outageWithin, servedBy, wasInterrupted } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 30, rpoSeconds: 0 };
const BLIP_MS = 8_000;
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${APPLICATION_ROLE}'`;

export const databaseConnectionLoss: Scenario = {
  name: 'database-connection-loss',
  title: 'Connections to the database drop, and return',
  story:
    'For some seconds the database ends every connection of the application and takes no new one. That is shorter than the confirmation ' +
    'window: the application reconnects by itself, and Lifeboat moves nothing.',
  objectives,
  async run(drill) {
    await drill.fault(`Connections to the database are refused for ${BLIP_MS / 1_000} s`, async () => {
      await drill.sql(drill.primary, `ALTER ROLE ${APPLICATION_ROLE} CONNECTION LIMIT 0; ${TERMINATE}`);
    });
    // The blip's length is what this scenario is about.
    await new Promise((resolve) => setTimeout(resolve, BLIP_MS));
    await drill.mend('Connections are accepted again', () =>
      drill.sql(drill.primary, `ALTER ROLE ${APPLICATION_ROLE} CONNECTION LIMIT -1`),
    );
    await drill.writes(1_500, { site: drill.primary, boundMs: 120_000 });
  },
  promises: [wasInterrupted(), noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
