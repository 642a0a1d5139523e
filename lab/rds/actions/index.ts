import type { Action, Actions } from '../action.ts';
import { account } from './account.ts';
import { automatedBackups } from './automated-backups.ts';
import { createInstance } from './create-instance.ts';
import { describeInstances } from './describe-instances.ts';
import { lifecycle } from './lifecycle.ts';
import { modifyInstance } from './modify-instance.ts';
import { readReplicas } from './read-replicas.ts';
import { replicatedBackups } from './replicated-backups.ts';
import { restore } from './restore.ts';
import { sharedSnapshots } from './shared-snapshots.ts';
import { snapshots } from './snapshots.ts';
import { tags } from './tags.ts';

/** Every operation that the lab's RDS has, one file for each group of them. */
const actions: Actions = {
  ...account,
  ...createInstance,
  ...readReplicas,
  ...describeInstances,
  ...modifyInstance,
  ...lifecycle,
  ...snapshots,
  ...sharedSnapshots,
  ...restore,
  ...automatedBackups,
  ...replicatedBackups,
  ...tags,
};

/** What the lab's RDS does for an account other than the one that owns the instances. */
const OF_ANY_ACCOUNT = new Set([
  ...['CopyDBSnapshot', 'DeleteDBSnapshot', 'DescribeDBSnapshots', ...Object.keys(sharedSnapshots)],
  ...Object.keys(account),
]);

export const isOfAnyAccount = (name: string): boolean => OF_ANY_ACCOUNT.has(name);

export function findAction(name: string): Action<never, object> | undefined {
  return Object.hasOwn(actions, name) ? actions[name] : undefined;
}
