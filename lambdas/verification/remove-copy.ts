import { NotReady } from '../kit/errors.ts';
import { defineStep } from '../kit/step.ts';
import { RdsInstances } from '../resources/rds-instances.ts';
import { copyName, copyRun } from './copies.ts';

/**
 * Removes the restored copy, whatever was found. Asked again until it is gone: a copy that is busy cannot be deleted yet.
 * @throws NotReady until then.
 */
export const removeCopy = defineStep({
  name: 'remove-copy',
  input: copyRun,
  throws: [NotReady],
  build: () => ({ instances: new RdsInstances() }),
  run: async ({ run, point }, { plan, instances }) => {
    const id = copyName(plan, run, point);
    const status = (await instances.list()).get(id)?.status;
    if (status === undefined) return { gone: id };
    const answer = status === 'deleting' ? 'asked' : await instances.remove(id);
    if (answer === 'gone') return { gone: id };
    throw new NotReady(`${id} is ${status}`);
  },
});
export const handler = removeCopy.handler;
