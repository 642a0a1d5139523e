import { moveCampaign } from './move.ts';

const ALARM_WITHIN_MS = 180_000;
const INSIDE_WRITES = 10;
const INSIDE_WITHIN_MS = 60_000;

/**
 * An unplanned move: the active region is cut from everybody, all of it alive, with clients inside that write on. The run is started
 * when the other site's alarm says so. Under `dark-here` the witness goes dark too. Healed, the old region finds out that it has lost.
 */
export const failover = moveCampaign({
  name: 'failover',
  promises: [],
  losesNothing: false,
  darkens: ({ drill, from, to }) => drill.lab.world.regions.find((region) => region !== from && region !== to)!,
  async begin({ drill, from, to }) {
    drill.inside(to);
    await drill.writesInside(from, INSIDE_WRITES, INSIDE_WITHIN_MS);
    await drill.alarmIs(to, '-orders-down', 'OK', ALARM_WITHIN_MS);
    drill.note(`${from} is cut from everybody`, 'fault');
    const heal = drill.isolate(from, drill.others(from));
    try {
      await drill.alarmIs(to, '-orders-down', 'ALARM', ALARM_WITHIN_MS);
    } catch (error) {
      heal();
      throw error;
    }
    return heal;
  },
});
