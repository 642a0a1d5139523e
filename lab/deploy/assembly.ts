import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Region } from '../types.ts';

export interface Resource {
  Type: string;
  Properties?: Record<string, unknown>;
  DependsOn?: string | string[];
}

export interface Template {
  Resources?: Record<string, Resource>;
  Outputs?: Record<string, { Value: unknown }>;
  [section: string]: unknown;
}

/** A stack of a cloud assembly. */
export interface Stack {
  /** The artifact's id, by which the CLI knows the stack. */
  id: string;
  name: string;
  region: Region;
  template: Template;
  templateFile: string;
}

interface Manifest {
  artifacts: Record<string, Artifact>;
}

interface Artifact {
  type: string;
  environment?: string;
  dependencies?: string[];
  properties?: { templateFile?: string; stackName?: string };
}

/** What `cdk synth` wrote into a folder. */
export class Assembly {
  readonly folder: string;
  readonly stacks: readonly Stack[];
  private readonly manifest: Manifest;

  constructor(folder: string) {
    this.folder = folder;
    this.manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as Manifest;
    this.stacks = Object.entries(this.manifest.artifacts).flatMap(([id, artifact]) => this.readStack(id, artifact));
  }

  /** A copy in another folder, with other templates and without the stacks that are not named. */
  copy(folder: string, templates: ReadonlyMap<string, Template>): void {
    cpSync(this.folder, folder, { recursive: true });
    const left = this.stacks.filter(({ id }) => !templates.has(id)).flatMap(({ id }) => [id, `${id}.assets`]);
    const kept = Object.entries(this.manifest.artifacts).filter(([id]) => !left.includes(id));
    const artifacts = kept.map(([id, artifact]) => {
      const dependencies = artifact.dependencies?.filter((dependency) => !left.includes(dependency));
      return [id, { ...artifact, ...(dependencies && { dependencies }) }];
    });
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...this.manifest, artifacts: Object.fromEntries(artifacts) }));
    for (const { id, templateFile } of this.stacks) {
      const template = templates.get(id);
      if (template) writeFileSync(join(folder, templateFile), JSON.stringify(template));
    }
  }

  private readStack(id: string, { type, environment, properties }: Artifact): Stack[] {
    if (type !== 'aws:cloudformation:stack') return [];
    const templateFile = properties?.templateFile ?? '';
    const template = JSON.parse(readFileSync(join(this.folder, templateFile), 'utf8')) as Template;
    return [{ id, name: properties?.stackName ?? id, region: environment?.split('/').at(-1) ?? '', template, templateFile }];
  }
}

/** The resources of one type in a template. */
export function resourcesOf(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.Resources ?? {}).filter(([, resource]) => resource.Type === type);
}
