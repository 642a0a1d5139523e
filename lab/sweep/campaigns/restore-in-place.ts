import type { DBInstance, Tag } from '@aws-sdk/client-rds';
import type { Drill } from '../../drill/drill.ts';
import { backdate, expire, runJanitor } from '../../drill/janitors.ts';
import { acknowledged } from '../../drill/judge/outage.ts';
import { until } from '../../drill/patience.ts';
import { settingsOf } from '../../drill/restores.ts';
import { readRows } from '../../drill/rows.ts';
import { readSetAside } from '../../drill/set-aside.ts';
import { isServed } from './judge.ts';
import { replacedDefect } from './replaced.ts';
import { removeAll, removeRestored } from './restored.ts';
import { type Bench, type TaskRun, taskCampaign } from './task.ts';

const KEEP_UNTIL_TAG = 'lifeboat:keep-until';
const INCIDENT_TAG = 'lifeboat:incident';
/** Longer than what was replaced is kept in any environment. */
const PAST_DAYS = 91;
const READ_WITHIN_MS = 20_000;
const REBUILT_WITHIN_MS = 240_000;
const GONE_WITHIN_MS = 120_000;

/** The writer's settings before the first restore of a laboratory: each one has to bring them back. */
const settings = new WeakMap<Drill, string>();

/**
 * Puts the newest proven recovery point in the place of the live database; under `dark-here` the other site goes dark. What was written
 * since is lost by it, and kept in the database that was replaced, which nobody may write to once the other one is open.
 */
export const restoreInPlace = taskCampaign({
  name: 'restore-in-place',
  machine: 'restore',
  promises: [],
  destroysDatabases: true,
  places: ({ primary, recovery }) => ({ region: primary, dark: recovery }),
  async input({ drill, view, region }) {
    if (!settings.has(drill)) settings.set(drill, JSON.stringify(settingsOf((await writer(drill, view, region))!)));
    return { workload: 'orders', placement: 'inPlace', reason: 'fault sweep' };
  },
  async falsePass({ drill, view, region }, run) {
    if (run.status !== 'SUCCEEDED') return undefined;
    const now = await writer(drill, view, region);
    const incident = incidentOf(run);
    if (!now?.TagList?.some(({ Key, Value }) => Key === 'lifeboat:run' && Value === incident)) return `the writer is not of ${incident}`;
    const given = JSON.stringify(settingsOf(now));
    if (given !== settings.get(drill)) return `its settings are ${given}, and were ${settings.get(drill)}`;
    if (!(await view.instances(region)).some(isReplaced)) return 'what was replaced is not kept';
    return (await isServed(drill, region)) ? undefined : 'the run succeeded, and no orders are accepted';
  },
  async goesOn({ drill, view, region }, run) {
    const [incident, lease] = await Promise.all([view.item(`incident#${run.name}`, 'orders'), view.item('lease#orders', 'lease')]);
    const claim = lease?.claim as { incident: string; committed?: boolean } | undefined;
    if (incident?.committedAt || (claim?.committed && claim.incident === run.name)) return { workload: 'orders', incident: run.name };
    // Nobody closed it, so the run died: as its schedule does within the minute.
    if (incident?.outcome === 'running') await runJanitor(drill, region, 'sweep-restores');
    return undefined;
  },
  async history({ drill, region }, attempts) {
    const [writer, replaced, elsewhere] = await Promise.all([
      readRows(drill.at(region), READ_WITHIN_MS),
      readSetAside(drill, region),
      readSetAside(drill, drill.recovery),
    ]);
    return replacedDefect(acknowledged(attempts), { writer, replaced, elsewhere });
  },
  async leftovers(bench, runs) {
    const { drill, region } = bench;
    await drill.parts.watcher.wire(drill.recovery).begin(`lifeboat-${drill.environment}-reconcile-site`);
    await drill.replicates(drill.recovery, REBUILT_WITHIN_MS);
    const own = drill.at(drill.recovery).site.instance;
    await removeAll(bench, drill.recovery, ({ DBInstanceIdentifier }) => DBInstanceIdentifier !== own);
    return [...(await removeRestored(bench, runs)), ...(await removeReplaced(bench, region))];
  },
});

const writer = (drill: Drill, view: Bench['view'], region: string): Promise<DBInstance | undefined> =>
  view.instance(region, drill.at(region).site.instance);

const incidentOf = ({ name, input }: TaskRun): string => (input as { incident?: string }).incident ?? name;
const isReplaced = ({ DBInstanceIdentifier = '' }: DBInstance): boolean => DBInstanceIdentifier.includes('-old-');

/** Days pass, and the janitor comes: what it does not take, or does not know, is left over. */
async function removeReplaced({ drill, view }: Bench, region: string): Promise<string[]> {
  const kept = async (): Promise<{ id: string; arn: string; hasDay: boolean; incident?: string }[]> => {
    const tagOf = (tags: Tag[] = [], name: string) => tags.find(({ Key }) => Key === name)?.Value;
    const known = (tags?: Tag[]) => ({ hasDay: tagOf(tags, KEEP_UNTIL_TAG) !== undefined, incident: tagOf(tags, INCIDENT_TAG) });
    const instances = (await view.instances(region)).filter(isReplaced);
    const snapshots = (await view.snapshots(region)).filter(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier?.includes('-before-'));
    return [
      ...instances.map((one) => ({ id: one.DBInstanceIdentifier!, arn: one.DBInstanceArn!, ...known(one.TagList) })),
      ...snapshots.map((one) => ({ id: one.DBSnapshotIdentifier!, arn: one.DBSnapshotArn!, ...known(one.TagList) })),
    ];
  };
  for (const { arn, hasDay, incident } of await kept()) {
    if (hasDay) await expire(drill, region, arn, KEEP_UNTIL_TAG);
    if (incident) await backdate(drill, region, incident, PAST_DAYS);
  }
  const deadline = Date.now() + GONE_WITHIN_MS;
  return until(
    'the janitor has been there',
    async () => {
      await runJanitor(drill, region, 'sweep-restores');
      const left = await kept();
      return left.length === 0 || Date.now() > deadline ? left.map(({ id }) => id) : undefined;
    },
    2 * GONE_WITHIN_MS,
  );
}
