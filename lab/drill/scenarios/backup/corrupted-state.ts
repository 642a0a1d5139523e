import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../../judge/promises.ts';
import { Machines } from '../../machines.ts';
import type { Scenario } from '../../scenario.ts';
import { mendRecord } from './mend-record.ts';
import { ENVIRONMENT } from './proven-backup.ts';

export const corruptedState: Scenario = {
  name: 'corrupted-state',
  title: 'One record fails its checksum',
  story:
    "One order's amount is changed behind the application's back. The integrity watch finds that its checksum does not fit and says since when it was good; the database is " +
    'restored beside to then, the one record is carried over after a person has seen what differs, and no other is touched while orders are written on.',
  objectives: { rtoSeconds: 5, rpoSeconds: 0 },
  group: 'backup',
  environment: ENVIRONMENT,
  async run(drill) {
    const home = new Machines(drill, drill.primary);
    await mendRecord(drill, home, {
      event: "An order's amount is changed, its checksum is not",
      check: 'checksum orders.checksum',
      spoil: (id) => `UPDATE orders SET amount = amount + 1000 WHERE id = '${id}'`,
      column: 'amount',
    });
    home.close();
  },
  promises: [outageWithin(5), lossWithin(0), oneWriter(), noRun(), servedBy('primary')],
};
