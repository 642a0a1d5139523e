import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type BuildFailure, type BuildOptions, buildSync, version } from 'esbuild';
import type { Environment } from '../environments/schema.ts';
import { BundleCache } from './bundle-cache.ts';
import type { StepName } from './steps.ts';

/** The steps' code could not be made; the message is all that a person needs. */
export class BundleFailed extends Error {
  override readonly name = 'BundleFailed';
}

export interface BundleOptions {
  /** Where `<capability>/<step>.ts` lie. */
  sources: string;
  /** Emptied and written: `<capability>/<step>/index.mjs` with `plan.json` beside it. */
  outDir: string;
  environment: Environment;
  /** Folder in which builds are kept between runs; nothing is kept where it is left out. */
  cache?: string;
}

/** The folder of a step's bundle. */
export type Bundles = (step: StepName) => string;

/**
 * Bundles all steps in one run of esbuild, the SDK inside and each step on its own, and puts the plan beside each. The same sources
 * and the same environment give the same bytes, so that an unchanged function is not deployed again.
 * @throws BundleFailed naming missing entries, or what esbuild said.
 */
export const bundle = (steps: readonly StepName[], { sources, outDir, environment, cache }: BundleOptions): Bundles => {
  const missing = steps.map((step) => join(sources, `${step}.ts`)).filter((file) => !existsSync(file));
  if (missing.length > 0) throw new BundleFailed(`these steps have no source file:\n${missing.map((file) => `  - ${file}`).join('\n')}`);

  rmSync(outDir, { recursive: true, force: true });
  const recipe = { version, steps, sources, options };
  const kept = cache === undefined ? undefined : new BundleCache(cache, recipe);
  if (!kept?.restore(outDir)) {
    const files = build(steps, sources, outDir);
    kept?.keep(outDir, files);
  }
  const plan = JSON.stringify(environment, null, 2);
  for (const step of steps) writeFileSync(join(outDir, step, 'plan.json'), plan);
  return (step) => join(outDir, step);
};

const options: BuildOptions = {
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  keepNames: true, // error names are a contract with the machines
  legalComments: 'none',
  mainFields: ['module', 'main'], // pg and the SDK's ES modules shake better than their CommonJS twins
  external: ['pg-native'],
  supported: { 'top-level-await': false },
  // CommonJS parts inside an ES module still ask for require().
  banner: { js: "import{createRequire as lifeboatRequire}from'node:module';const require=lifeboatRequire(import.meta.url);" },
  logLevel: 'silent',
};

/** The files that went in, as absolute paths. */
const build = (steps: readonly StepName[], sources: string, outDir: string): string[] => {
  mkdirSync(outDir, { recursive: true });
  const entryPoints = Object.fromEntries(steps.map((step) => [`${step}/index`, join(sources, `${step}.ts`)]));
  try {
    const { metafile } = buildSync({ ...options, entryPoints, outdir: outDir, metafile: true });
    return Object.keys(metafile.inputs).map((file) => resolve(file));
  } catch (error) {
    const { errors } = error as BuildFailure;
    const lines = errors?.map(({ text, location }) => `  - ${location ? `${location.file}:${location.line}: ` : ''}${text}`) ?? [
      String(error),
    ];
    throw new BundleFailed(`the steps cannot be bundled:\n${lines.join('\n')}`);
  }
};
