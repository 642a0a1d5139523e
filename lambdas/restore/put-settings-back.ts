import { NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { changeTo, missingTags } from '../resources/rds-settings.ts';
import { settingsUntilPlaced } from './clean-room.ts';
import { findRestored, remembered } from './replacement.ts';
import { restoreRun } from './restoring.ts';

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
    const names = Object.keys(change);
    await instances.modify(restored.id, change);
    throw new NotReady(`${restored.id}: ${names.join(', ')} are being put back`);
  },
});
export const handler = putSettingsBack.handler;
