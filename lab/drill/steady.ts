import type { ProvisionedWorkload } from '../workload/provision.ts';
import type { WritingClient } from '../workload/writing-client.ts';
import type { Drill } from './drill.ts';
import type { DrillLab } from './drill-lab.ts';
import type { Watcher } from './watcher.ts';

const FIRST_WRITES_WITHIN_MS = 90_000;
const REPLICATED_WITHIN_MS = 60_000;
/** An observer's schedule starts it within a minute, and an alarm on its silence needs a minute's data. */
const WATCHED_WITHIN_MS = 240_000;
/** What Lifeboat's functions are called, as far as a person can see. */
const FUNCTION_PREFIX = 'lifeboat';
/** Silence breaches this one, so it begins in ALARM until the first minute with a beat is over; nothing depends on it. */
const NEEDS_A_BEAT = '-watch-silent';

/**
 * The state that every scenario starts from, each part seen and not assumed: orders are acknowledged through the public name, they reach the
 * standby's database, every alarm in both sites is OK, and functions of Lifeboat are at work in every region.
 */
export async function steadyState(drill: Drill, writes: number): Promise<void> {
  const { client, lab, watcher, workload, signal, progress } = drill.parts;
  await drill.writes(writes, { site: drill.primary, boundMs: FIRST_WRITES_WITHIN_MS });
  await drill.replicates(drill.recovery, REPLICATED_WITHIN_MS);
  progress.phase('Alarms are OK, observers are at work');
  await watcher
    .until(
      missing(lab, watcher, workload).join('; '),
      () => missing(lab, watcher, workload).length === 0 || undefined,
      WATCHED_WITHIN_MS,
      signal,
    )
    .catch((error: Error) => {
      signal.throwIfAborted();
      throw new Error(`${error.message}; still missing: ${missing(lab, watcher, workload).join('; ')}`);
    });
  drill.note(`steady: ${countAcknowledged(client)} orders acknowledged, all alarms OK`);
}

const countAcknowledged = (client: WritingClient): number => client.acknowledged;

/** What is not yet as it shall be. */
function missing(lab: DrillLab, watcher: Watcher, workload: ProvisionedWorkload): string[] {
  const sites = [workload.primary.region, workload.recovery.region];
  const unwatched = lab.world.regions.filter(
    (region) => !lab.calls().some((call) => call.source === region && call.principal.startsWith(FUNCTION_PREFIX)),
  );
  const unhappy = sites.flatMap((region) => {
    const alarms = [...watcher.alarmStates(region)];
    if (alarms.length === 0) return [`no alarm in ${region}`];
    return alarms
      .filter(([name, state]) => state !== 'OK' && !name.endsWith(NEEDS_A_BEAT))
      .map(([name, state]) => `alarm ${name} in ${region} is ${state}`);
  });
  return [...unwatched.map((region) => `no function of Lifeboat has called AWS from ${region}`), ...unhappy];
}
