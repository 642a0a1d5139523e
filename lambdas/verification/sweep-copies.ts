import { z } from 'zod';
import { notifier } from '../kit/notify.ts';
import { defineStep } from '../kit/step.ts';
import { type Instance, RdsInstances } from '../resources/rds-instances.ts';
import { OWNER_TAG } from '../resources/rds-snapshots.ts';
import { copyPrefix, EXPIRES_TAG } from './copies.ts';

/** The janitor: removes restored copies whose time is over, of runs that died, were stopped, or could not remove theirs; and tells. */
export const sweepCopies = defineStep({
  name: 'sweep-copies',
  input: z.strictObject({}),
  throws: [],
  build: () => ({ instances: new RdsInstances(), tell: notifier() }),
  run: async (_, { plan, instances, tell, now }) => {
    const left = [...(await instances.list()).values()].filter(
      (instance) => instance.id.startsWith(copyPrefix(plan)) && instance.tags[OWNER_TAG] === plan.name && isOver(instance, now()),
    );
    const swept: Record<string, string> = {};
    for (const { id, status } of left) swept[id] = status === 'deleting' ? 'deleting' : await instances.remove(id);
    // Told once, when the deletion is asked for; what is busy is asked again at the next round.
    const asked = Object.keys(swept).filter((id) => swept[id] === 'asked');
    if (asked.length > 0) await tell(`${asked.length} restored copies were left behind and are removed`, { copies: asked });
    return { swept };
  },
});
export const handler = sweepCopies.handler;

/** A copy whose tag cannot be read as a time was not made by us, or was tampered with: only its age could tell, and that is a person's call. */
const isOver = ({ tags }: Instance, now: number): boolean => Date.parse(tags[EXPIRES_TAG] ?? '') < now;
