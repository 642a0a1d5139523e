import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import demo from '../../environments/demo.ts';
import type { Environment } from '../../environments/schema.ts';
import { createLifeboat } from '../../infra/lifeboat.ts';

export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
  DependsOn?: string | string[];
}
export interface Template {
  Resources: Record<string, Resource>;
  Outputs?: Record<string, { Value: unknown; Export?: { Name: string } }>;
}
export type StackKind = 'ledger' | 'primary' | 'recovery' | 'witness' | 'dns' | WorkloadKind;
/** The stack of the workload `orders` in a site. */
export type WorkloadKind = 'primary-orders' | 'recovery-orders';
export type Templates = Record<StackKind, Template>;

export const definitions = join(import.meta.dirname, '../../statemachines');

/** The demo's stacks, cdk-nag and the template checks included, with functions of one empty line: their code has its own tests. */
export const synthesiseDemo = (): Templates => synthesise(demo);

export const synthesise = (environment: Environment): Templates =>
  inFolder((app, code) => {
    createLifeboat(app, { environment, bundles: () => code, definitions });
    const assembly = app.synth();
    const read = (kind: StackKind) => assembly.getStackArtifact(`lifeboat-${environment.name}-${kind}`).template as Template;
    const kinds: StackKind[] = ['ledger', 'primary', 'recovery', 'witness', 'dns', 'primary-orders', 'recovery-orders'];
    return Object.fromEntries(kinds.map((kind) => [kind, read(kind)])) as Templates;
  });

/** Every stack of an environment, by its name in the app. */
export const synthesiseAll = (environment: Environment): Map<string, Template> =>
  inFolder((app, code) => {
    createLifeboat(app, { environment, bundles: () => code, definitions });
    return new Map(app.synth().stacks.map(({ id, template }) => [id, template as Template]));
  });

/** One stack on its own, for what the demo does not have. */
export const synthesiseStack = (create: (app: App, code: string) => Stack): Template =>
  inFolder((app, code) => {
    app.node.setContext('@aws-cdk/core:validateAgainstDefaultRules', true);
    const stack = create(app, code);
    return app.synth().getStackArtifact(stack.artifactId).template as Template;
  });

const inFolder = <T>(work: (app: App, code: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-synth-'));
  try {
    const code = join(folder, 'code');
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), 'export const handler = () => undefined;');
    return work(new App({ outdir: join(folder, 'cdk.out') }), code);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Resources of a type by logical id. */
export const ofType = (template: Template, type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);

/** The properties of the one resource of a type, or of that with a property's value. */
export const only = (template: Template, type: string, where: Record<string, unknown> = {}): Record<string, unknown> => {
  const found = ofType(template, type).filter(([, { Properties }]) =>
    Object.entries(where).every(([key, value]) => Properties[key] === value),
  );
  if (found.length !== 1) throw new Error(`expected one ${type} ${JSON.stringify(where)}, found ${found.length}`);
  return found[0]![1].Properties;
};
