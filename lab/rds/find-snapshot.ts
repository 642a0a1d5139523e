import type { Call } from './action.ts';
import { invalidValue, snapshotNotFound } from './errors.ts';
import { parseReference } from './names.ts';
import type { Snapshot } from './snapshot.ts';

/** The caller's own snapshot, by its identifier or ARN. */
export function ownSnapshot(call: Call, reference: string | undefined): Snapshot {
  const snapshot = named(call, reference);
  if (snapshot.account !== call.account) throw snapshotNotFound(String(reference));
  return snapshot;
}

/** The caller's own snapshot, or by its ARN one that its owner shares with him. What is not shared is not there for him. */
export function readableSnapshot(call: Call, reference: string | undefined): Snapshot {
  const snapshot = named(call, reference);
  if (!mayRead(call.account, snapshot)) throw snapshotNotFound(String(reference));
  return snapshot;
}

/** The owner and whoever he has shared it with. */
export const mayRead = (account: string, snapshot: Snapshot): boolean => snapshot.account === account || isSharedWith(account, snapshot);

/** Another account's snapshot that this one may copy. */
export const isSharedWith = (account: string, { account: owner, sharedWith }: Snapshot): boolean =>
  owner !== account && (sharedWith.has(account) || sharedWith.has('all'));

function named({ control, region, account }: Call, reference: string | undefined): Snapshot {
  if (!reference) throw invalidValue('A snapshot identifier is required.');
  const { region: where, account: owner = account, name } = parseReference(reference, 'snapshot', region);
  const snapshot = control.findSnapshot(where, name, owner);
  if (!snapshot) throw snapshotNotFound(name);
  return snapshot;
}
