import { messageOf, NotReady } from '../kit/errors.ts';
import { log } from '../kit/log.ts';
import { defineStep } from '../kit/step.ts';
import type { Change } from '../resources/rds-control.ts';
import { type Instance, isRefusal, RdsInstances } from '../resources/rds-instances.ts';
import { changeTo, missingTags } from '../resources/rds-settings.ts';
import { settingsUntilPlaced } from './clean-room.ts';
import { findRestored, remembered } from './replacement.ts';
import { restoreRun } from './restoring.ts';

/** Settings of which RDS does not take one without the other. */
const TOGETHER: readonly (readonly string[])[] = [
  ['MonitoringInterval', 'MonitoringRoleArn'],
  ['EnablePerformanceInsights', 'PerformanceInsightsKMSKeyId', 'PerformanceInsightsRetentionPeriod'],
  ['Iops', 'StorageThroughput', 'StorageType'],
  ['DBSubnetGroupName', 'VpcSecurityGroupIds', 'PubliclyAccessible'],
];

/**
 * Puts back what a restore cannot be told: backups and their window, monitoring, insights, figures of the storage, tags. Whether all of it
 * took hold is the comparison's to say: one setting that RDS refuses does not stop a restore here.
 * @throws NotReady until RDS has applied it.
 */
export const putSettingsBack = defineStep({
  name: 'put-settings-back',
  input: restoreRun,
  throws: [NotReady],
  build: () => ({ instances: new RdsInstances() }),
  run: async (input, services) => {
    const { plan, site, instances } = services;
    if (input.request.dryRun) return { would: 'put back the settings that a restore cannot be told' };
    const known = await instances.list();
    const { restored, inPlace } = findRestored(known, services, input);
    if (restored?.status !== 'available') throw new NotReady(`the restored instance is ${restored?.status ?? 'not listed'}`);
    const { settings: wanted, tags } = await remembered(input, services, known);
    const settings = inPlace ? wanted : settingsUntilPlaced(wanted, input.request, plan, site);
    const missing = missingTags(tags, restored.tags);
    if (Object.keys(missing).length > 0) await instances.tag(restored.arn, missing);
    const change = settings && changeTo(settings, restored.settings);
    if (!change) return { settled: true };
    await changeWherePossible(instances, restored, change, input.request.execution);
    return { settled: true, refused: Object.keys(change) };
  },
});
export const handler = putSettingsBack.handler;

/**
 * Asks for a change; where RDS refuses it as a whole, for its parts. What is refused alone is tagged with the run, which asks for it no
 * more, and holds up no other.
 * @throws NotReady when something was asked for; comes back when all that is left is refused.
 */
export const changeWherePossible = async (
  instances: RdsInstances,
  restored: Instance,
  change: Change,
  execution: string,
): Promise<void> => {
  const { id, arn, tags } = restored;
  const parts = partsOf(change).filter((part) => tags[refusedTag(part)] !== execution);
  const all: Change = Object.assign({}, ...parts);
  // A whole of one part is that part.
  for (const part of parts.length > 1 ? [all, ...parts] : parts) {
    const names = Object.keys(part).join(', ');
    const refusal = await refusalOf(instances.modify(id, part));
    if (!refusal) throw new NotReady(`${id}: ${names} are being put back`);
    log('settings-refused', { instance: id, settings: names, error: messageOf(refusal) });
    if (part !== all) await instances.tag(arn, { [refusedTag(part)]: execution });
  }
};

const refusedTag = (part: Change): string => `lifeboat:refused:${Object.keys(part)[0]}`;

/** Multi-AZ before all others: an instance that is to be in one zone again moves to another VPC only then. */
const partsOf = ({ MultiAZ, ...change }: Change): Change[] => {
  const parts = new Map<string, Record<string, unknown>>(MultiAZ === undefined ? [] : [['MultiAZ', { MultiAZ }]]);
  for (const [name, value] of Object.entries(change)) {
    const lead = TOGETHER.find((names) => names.includes(name))?.[0] ?? name;
    parts.set(lead, { ...parts.get(lead), [name]: value });
  }
  return [...parts.values()];
};

const refusalOf = async (asked: Promise<void>): Promise<unknown> => {
  try {
    await asked;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
};
