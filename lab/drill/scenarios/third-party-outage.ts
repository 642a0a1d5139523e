import { lossWithin, noRun, oneWriter, outageWithin, servedBy } from '../judge/promises.ts';
import type { Scenario } from '../scenario.ts';

const objectives = { rtoSeconds: 5, rpoSeconds: 0 };

export const thirdPartyOutage: Scenario = {
  name: 'third-party-outage',
  title: 'Somebody else is down',
  story:
    'The payments provider that the application calls fails. The application is degraded and goes on; it would be degraded in the ' +
    'other region too, so moving it would only add an outage.',
  objectives,
  async run(drill) {
    await drill.fault('The payments provider answers 503', () => {
      drill.parts.payments.status = 503;
    });
    await drill.writes(2_500, { site: drill.primary, boundMs: 180_000 });
    await drill.mend('The payments provider is back', () => {
      drill.parts.payments.status = 200;
    });
  },
  promises: [noRun(), outageWithin(objectives.rtoSeconds), lossWithin(0), oneWriter(), servedBy('primary')],
};
