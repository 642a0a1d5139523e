import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import demo from '../../environments/demo.ts';
import { BundleFailed, bundle } from '../../infra/bundle.ts';
import { type StepName, steps } from '../../infra/steps.ts';

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-bundle-'));
afterAll(() => rmSync(folder, { recursive: true }));

const lambdas = join(import.meta.dirname, '../../lambdas');
const step: StepName = 'failover/take-lease';

const source = (name: string, code: string): string => {
  const sources = join(folder, name);
  mkdirSync(join(sources, 'failover'), { recursive: true });
  writeFileSync(join(sources, `${step}.ts`), code);
  return sources;
};

const hashOf = (directory: string): string => {
  const hash = createHash('sha256');
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, file);
    if (statSync(path).isFile()) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex');
};

describe('bundle', () => {
  it('keeps names, has require for CommonJS parts, and lays the plan beside the code', async () => {
    const sources = source(
      'names',
      "import { join } from 'node:path';\nclass NotReady extends Error {}\nexport const handler = () => [NotReady.name, join('a', 'b'), typeof require];",
    );
    const place = bundle([step], { sources, outDir: join(folder, 'names-out'), environment: demo });
    const { handler } = (await import(pathToFileURL(join(place(step), 'index.mjs')).href)) as { handler: () => string[] };
    expect(handler()).toEqual(['NotReady', 'a/b', 'function']);
    expect(JSON.parse(readFileSync(join(place(step), 'plan.json'), 'utf8'))).toEqual(demo);
  });

  it('names every missing source', () => {
    expect(() => bundle([step, 'detection/watch'], { sources: folder, outDir: join(folder, 'x'), environment: demo })).toThrow(
      /no source file:\n.*take-lease\.ts\n.*watch\.ts/,
    );
  });

  it('says what esbuild says, with file and line', () => {
    const sources = source('wrong', "import { missing } from './missing.ts';\nexport const handler = missing;");
    const build = () => bundle([step], { sources, outDir: join(folder, 'wrong-out'), environment: demo });
    expect(build).toThrow(BundleFailed);
    expect(build).toThrow(/take-lease\.ts:1: .*missing\.ts/);
  });

  it('refuses a top-level await, on which a sandbox of Node 20 hangs', () => {
    const sources = source('await', 'await Promise.resolve();\nexport const handler = () => 1;');
    expect(() => bundle([step], { sources, outDir: join(folder, 'await-out'), environment: demo })).toThrow(/[Tt]op-level await/);
  });
});

describe('a kept build', () => {
  const build = (sources: string) => {
    const place = bundle([step], { sources, outDir: join(folder, 'kept-out'), environment: demo, cache: join(folder, 'cache') });
    return readFileSync(join(place(step), 'index.mjs'), 'utf8');
  };

  it('is used until a file that went into it changes, also one that is only imported', () => {
    const sources = source('kept', "import { word } from './word.ts';\nexport const handler = () => word;");
    writeFileSync(join(sources, 'failover/word.ts'), "export const word = 'first';");
    const made = build(sources);
    const [entry = ''] = readdirSync(join(folder, 'cache'));
    const kept = join(folder, 'cache', entry, step, 'index.mjs');
    writeFileSync(kept, `${made}// kept`);
    expect(build(sources)).toBe(`${made}// kept`);
    writeFileSync(join(sources, 'failover/word.ts'), "export const word = 'second';");
    expect(build(sources)).toContain('second');
    expect(readFileSync(kept, 'utf8')).toContain('second');
    rmSync(join(sources, 'failover/word.ts'));
    expect(() => build(sources)).toThrow(BundleFailed);
  });
});

describe('the real steps', () => {
  const first = join(folder, 'first');
  const cache = join(import.meta.dirname, '../../node_modules/.cache/lifeboat-bundles');
  const place = bundle(steps, { sources: lambdas, outDir: first, environment: demo, cache });

  it('bundle to the same bytes each time, kept or made anew', () => {
    const some = steps.filter((_, index) => index % 8 === 0);
    const anew = bundle(some, { sources: lambdas, outDir: join(folder, 'second'), environment: demo });
    for (const one of some) expect(hashOf(anew(one))).toBe(hashOf(place(one)));
  });

  it('each load on their own and export a handler', async () => {
    const code = `for (const path of process.argv.slice(1)) console.log(typeof (await import(path)).handler);`;
    const paths = steps.map((name) => pathToFileURL(join(place(name), 'index.mjs')).href);
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, ...paths], { timeout: 250_000 });
    expect(stdout.trim().split('\n')).toEqual(steps.map(() => 'function'));
    for (const name of steps) expect(statSync(join(place(name), 'index.mjs')).size).toBeLessThan(2_000_000);
  });
});
