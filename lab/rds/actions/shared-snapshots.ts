import type {
  DBSnapshotAttributesResult,
  DescribeDBSnapshotAttributesMessage,
  DescribeDBSnapshotAttributesResult,
  ModifyDBSnapshotAttributeMessage,
  ModifyDBSnapshotAttributeResult,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { invalidCombination, invalidSnapshotState, invalidValue } from '../errors.ts';
import { ownSnapshot } from '../find-snapshot.ts';
import type { Snapshot } from '../snapshot.ts';

export const sharedSnapshots: Actions = { ModifyDBSnapshotAttribute: modify, DescribeDBSnapshotAttributes: describe };

const ACCOUNT = /^(\d{12}|all)$/;
const DEFAULT_KEY = 'alias/aws/rds';

/** RDS user guide, 'Sharing a DB snapshot' and 'Sharing encrypted snapshots', 2026-11. */
function modify(call: Call, input: ModifyDBSnapshotAttributeMessage): ModifyDBSnapshotAttributeResult {
  const { DBSnapshotIdentifier: name, AttributeName: attribute, ValuesToAdd: added = [], ValuesToRemove: removed = [] } = input;
  if (attribute !== 'restore') throw invalidValue(`Invalid attribute name: ${attribute}`);
  const snapshot = ownSnapshot(call, name);
  if (snapshot.status !== 'available') throw invalidSnapshotState(`The snapshot ${snapshot.identifier} is ${snapshot.status}.`);
  const unknown = [...added, ...removed].find((value) => !ACCOUNT.test(value));
  if (unknown !== undefined) throw invalidValue(`Invalid account: ${unknown}`);
  if (added.length > 0) requireShareable(snapshot, added);
  for (const account of added) snapshot.sharedWith.add(account);
  for (const account of removed) snapshot.sharedWith.delete(account);
  return { DBSnapshotAttributesResult: attributesOf(snapshot) };
}

/** The default key's policy names nobody of another account, and is not its owner's to change; what is encrypted is for named accounts only. */
function requireShareable({ identifier, attributes }: Snapshot, accounts: readonly string[]): void {
  const { StorageEncrypted: encrypted, KmsKeyId: key = DEFAULT_KEY } = attributes;
  if (!encrypted) return;
  if (key.endsWith(DEFAULT_KEY)) throw invalidSnapshotState(`${identifier} is encrypted with the default key and cannot be shared.`);
  if (accounts.includes('all')) throw invalidCombination(`${identifier} is encrypted and cannot be made public.`);
}

function describe(call: Call, input: DescribeDBSnapshotAttributesMessage): DescribeDBSnapshotAttributesResult {
  return { DBSnapshotAttributesResult: attributesOf(ownSnapshot(call, input.DBSnapshotIdentifier)) };
}

const attributesOf = ({ identifier, sharedWith }: Snapshot): DBSnapshotAttributesResult => ({
  DBSnapshotIdentifier: identifier,
  DBSnapshotAttributes: [{ AttributeName: 'restore', AttributeValues: [...sharedWith] }],
});
