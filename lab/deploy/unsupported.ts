import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Resource, Template } from './assembly.ts';

const run = promisify(execFile);

/** The resource types that MiniStack's CloudFormation can make; it fails a stack that has any other. */
export async function supportedTypes(python: string): Promise<ReadonlySet<string>> {
  const script =
    'import json; from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as h; print("\\n" + json.dumps(sorted(h)))';
  const { stdout } = await run(python, ['-c', script], { timeout: 30_000, env: { LOG_LEVEL: 'ERROR' } });
  return new Set(JSON.parse(stdout.trim().split('\n').at(-1)!) as string[]);
}

export interface Stripped {
  template: Template;
  /** What was left out, as `LogicalId (Type)`. */
  left: string[];
}

/**
 * A template without the resources of types that the engine does not know. What refers to one of them gets its logical id in the
 * reference's place; outputs that do are left out.
 */
export function strip(template: Template, supported: ReadonlySet<string>): Stripped {
  const resources = Object.entries(template.Resources ?? {});
  const isLeft = ({ Type }: Resource): boolean => Type.startsWith('AWS::') && !supported.has(Type) && Type !== 'AWS::CDK::Metadata';
  const left = new Set(resources.filter(([, resource]) => isLeft(resource)).map(([id]) => id));
  if (left.size === 0) return { template, left: [] };
  const kept = resources.filter(([id]) => !left.has(id)).map(([id, resource]) => [id, withoutDependencies(resource, left)]);
  const outputs = Object.entries(template.Outputs ?? {}).filter(([, output]) => !refersTo(output, left));
  const stripped = { ...template, Resources: Object.fromEntries(kept), Outputs: Object.fromEntries(outputs) };
  const names = resources.filter(([id]) => left.has(id)).map(([id, { Type }]) => `${id} (${Type})`);
  return { template: replaceReferences(stripped, left) as Template, left: names };
}

function withoutDependencies({ DependsOn, ...resource }: Resource, left: ReadonlySet<string>): Resource {
  const kept = [DependsOn ?? []].flat().filter((id) => !left.has(id));
  return kept.length > 0 ? { ...resource, DependsOn: kept } : resource;
}

function refersTo(value: unknown, ids: ReadonlySet<string>): boolean {
  return JSON.stringify(replaceReferences(value, ids)) !== JSON.stringify(value);
}

function replaceReferences(value: unknown, ids: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => replaceReferences(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  const { Ref: ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: string | string[] };
  const id = ref ?? (typeof attribute === 'string' ? attribute.split('.')[0] : attribute?.[0]);
  if (id !== undefined && ids.has(id)) return id;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceReferences(item, ids)]));
}
