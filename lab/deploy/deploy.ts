import { join } from 'node:path';
import type { Gateway } from '../gateway/gateway.ts';
import type { Processes } from '../types.ts';
import { Assembly, type Stack, type Template } from './assembly.ts';
import { bootstrap } from './bootstrap.ts';
import { type CdkOptions, cdk } from './cdk.ts';
import { applyDns, isDns } from './dns.ts';
import { createGlobalTables } from './global-tables.ts';
import { synthesiseOnce } from './synthesis.ts';
import { strip, supportedTypes } from './unsupported.ts';

export interface DeployOptions {
  gateway: Gateway;
  processes: Processes;
  /** The interpreter that has `ministack`. */
  python: string;
  /** Folder of the CDK app. */
  project: string;
  /** Where the assemblies are written. */
  folder: string;
  /** Where assemblies are kept for other laboratories; each has its own synthesised where it is left out. */
  assemblies?: string;
  /** The environment that is deployed: `-c env=<name>`. */
  environment: string;
  /** Another account, whose side of the environment is deployed with its own credentials: `-c vault=yes`. */
  vault?: string;
  /** Called with what was synthesised for AWS, before anything is deployed. */
  synthesised?: (stacks: readonly Stack[]) => void;
  /** Called when the stacks are there, before the public names that lead to them. */
  deployed?: () => Promise<void>;
  log: (line: string) => void;
  signal?: AbortSignal;
}

export interface Deployed {
  stacks: string[];
  /** Resources that the engine cannot make and the deployment left out. */
  left: string[];
  globalTables: string[];
}

const ACCOUNT = '000000000000';
const ACCESS_KEY = 'CDK';
/** Stacks deployed at once, where their order allows it. */
const CONCURRENCY = 4;

/**
 * Deploy an environment as a user does, with `cdk deploy`. What the lab's engines cannot make is taken out of a copy of the assembly,
 * or applied otherwise, and said; what was synthesised for AWS stays as it is.
 */
export async function deploy(options: DeployOptions): Promise<Deployed> {
  const { gateway, python, folder, log } = options;
  const { vault: account = ACCOUNT } = options;
  gateway.principals.set(accessKeyOf(options), 'cdk');
  if (options.vault) gateway.accounts.set(accessKeyOf(options), options.vault);
  const [assembly, supported] = await Promise.all([synthesise(options), supportedTypes(python)]);
  options.synthesised?.(assembly.stacks);
  const regions = [...new Set(assembly.stacks.map(({ region }) => region))];
  await Promise.all(regions.map((region) => bootstrap(gateway, account, region)));
  const dns = assembly.stacks.filter(({ template }) => isDns(template));
  const { templates, left } = adapt(
    assembly.stacks.filter((stack) => !dns.includes(stack)),
    supported,
  );
  for (const resource of left) log(`Left out, the lab has no engine for it: ${resource}`);
  const adapted = join(folder, 'cdk.lab');
  assembly.copy(adapted, templates);
  const once = ['--app', adapted, '--output', join(folder, 'cdk.deploy'), '--all', '--require-approval', 'never'];
  await cdk(['deploy', ...once, '--concurrency', String(CONCURRENCY), '--progress', 'events', '--method', 'direct'], cdkOptions(options));
  const globalTables = (await Promise.all(assembly.stacks.map((stack) => createGlobalTables(gateway, stack)))).flat();
  for (const table of globalTables) log(`Global table, served by the gateway: ${table}`);
  await options.deployed?.();
  for (const stack of dns) {
    for (const resource of await applyDns(gateway, account, stack)) log(`Applied through the Route 53 API: ${stack.name} ${resource}`);
  }
  return { stacks: assembly.stacks.map(({ name }) => name), left, globalTables };
}

/** The person's who deploys: one for each account. */
const accessKeyOf = ({ vault = '' }: DeployOptions): string => `${ACCESS_KEY}${vault}`;

async function synthesise(options: DeployOptions): Promise<Assembly> {
  const { project, folder, assemblies, environment, vault } = options;
  const context = [`env=${environment}`, ...(vault ? ['vault=yes'] : [])];
  // Bundles of this run alone: others may synthesise from the same checkout at the same time.
  const words = [...context, `bundles=${join(folder, 'bundles')}`].flatMap((one) => ['--context', one]);
  const synth = (output: string) => cdk(['synth', '--quiet', '--output', output, ...words], cdkOptions(options));
  if (assemblies) return synthesiseOnce({ project, assemblies, context }, synth);
  const output = join(folder, 'cdk.out');
  await synth(output);
  return new Assembly(output);
}

function adapt(stacks: readonly Stack[], supported: ReadonlySet<string>): { templates: Map<string, Template>; left: string[] } {
  const adapted = stacks.map(({ id, name, template }) => ({ id, name, ...strip(template, supported) }));
  return {
    templates: new Map(adapted.map(({ id, template }) => [id, template])),
    left: adapted.flatMap(({ name, left }) => left.map((resource) => `${name} ${resource}`)),
  };
}

function cdkOptions(options: DeployOptions): CdkOptions {
  const { gateway, processes, project, log, signal } = options;
  return { processes, project, endpoint: gateway.endpoint('internet'), accessKey: accessKeyOf(options), log, signal };
}
