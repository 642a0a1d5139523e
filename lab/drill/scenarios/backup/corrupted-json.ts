import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import type { Scenario } from '../../scenario.ts';
import { mendRecord } from './mend-record.ts';
import { ENVIRONMENT } from './proven-backup.ts';

const SECRET = '4111-1111';

export const corruptedJson: Scenario = {
  name: 'corrupted-json',
  title: 'A column holds text that is no JSON',
  story:
    "One order's details are cut in the middle. The integrity watch finds the text that is no JSON; the record is carried over from a database that was restored beside, after approval. " +
    'What the text was is in no output of any run.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const home = new Machines(drill, drill.primary);
    await mendRecord(drill, home, {
      event: "An order's details are cut in the middle",
      check: 'json orders.details',
      spoil: (id) => `UPDATE orders SET details = '{"card": "${SECRET}' WHERE id = '${id}'`,
      column: 'details',
      secret: SECRET,
    });
    home.close();
  },
  promises: [outageWithin(5), lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
