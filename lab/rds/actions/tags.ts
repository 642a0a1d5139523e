import type {
  AddTagsToResourceMessage,
  ListTagsForResourceMessage,
  RemoveTagsFromResourceMessage,
  TagListMessage,
} from '@aws-sdk/client-rds';
import type { Actions, Call } from '../action.ts';
import { instanceNotFound, invalidValue } from '../errors.ts';
import { ownSnapshot } from '../find-snapshot.ts';
import { parseReference } from '../names.ts';

export const tags: Actions = { AddTagsToResource: add, RemoveTagsFromResource: remove, ListTagsForResource: list };

function tagsOf(call: Call, resource: string | undefined): Map<string, string> {
  const { control, region } = call;
  const reference = parseReference(resource ?? '', 'db', region);
  if (!resource?.startsWith('arn:') || reference.region !== region) throw invalidValue(`Invalid resource name: ${resource}`);
  if (reference.type === 'snapshot') return ownSnapshot(call, resource).tags;
  const database = control.find(region, reference.name);
  if (!database) throw instanceNotFound(reference.name);
  return database.tags;
}

function add(call: Call, input: AddTagsToResourceMessage): object {
  const existing = tagsOf(call, input.ResourceName);
  for (const { Key, Value } of input.Tags ?? []) if (Key !== undefined) existing.set(Key, Value ?? '');
  return {};
}

function remove(call: Call, input: RemoveTagsFromResourceMessage): object {
  const existing = tagsOf(call, input.ResourceName);
  for (const key of input.TagKeys ?? []) existing.delete(key);
  return {};
}

function list(call: Call, input: ListTagsForResourceMessage): TagListMessage {
  return { TagList: [...tagsOf(call, input.ResourceName)].map(([Key, Value]) => ({ Key, Value })) };
}
