import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Assembly } from './assembly.ts';

/** What an app of ours is made of; nothing else goes into its assembly. */
const SOURCES = ['bin', 'environments', 'infra', 'lambdas', 'statemachines', 'cdk.json', 'package-lock.json'];
const KEEP_MS = 86_400_000;

/**
 * Has an app synthesised once for what it is made of and what it is told: the same sources give the same assembly, and each laboratory
 * deploys a copy. `synth` writes an assembly into a folder.
 */
export async function synthesiseOnce(
  { project, assemblies, context }: { project: string; assemblies: string; context: readonly string[] },
  synth: (folder: string) => Promise<void>,
): Promise<Assembly> {
  const digest = digestOf(project, context);
  const known = join(assemblies, digest);
  if (existsSync(known)) return new Assembly(known);
  const unfinished = join(assemblies, `.${process.pid}-${digest}`);
  mkdirSync(assemblies, { recursive: true });
  try {
    await synth(unfinished);
    publish(unfinished, known);
    removeOld(assemblies);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return new Assembly(known);
}

function digestOf(project: string, context: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(context));
  for (const source of SOURCES) {
    const path = join(project, source);
    const files = statSync(path).isDirectory() ? filesIn(path) : [path];
    for (const file of files) hash.update(file.slice(project.length)).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

/** Another one may have been faster: then it is as good. */
function publish(unfinished: string, known: string): void {
  try {
    renameSync(unfinished, known);
  } catch (error) {
    if (!existsSync(known)) throw error;
  }
}

/** Those of former sources; a lab that uses one has its own copy within seconds. */
function removeOld(assemblies: string): void {
  for (const name of readdirSync(assemblies)) {
    const path = join(assemblies, name);
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (Date.now() - mtimeMs > KEEP_MS) rmSync(path, { recursive: true, force: true });
  }
}
