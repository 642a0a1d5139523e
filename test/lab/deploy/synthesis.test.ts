import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { synthesiseOnce } from '../../../lab/deploy/synthesis.ts';

const project = mkdtempSync(join(tmpdir(), 'lifeboat-synthesis-'));
const assemblies = join(project, 'assemblies');
for (const folder of ['bin', 'environments', 'infra', 'lambdas/kit', 'statemachines'])
  mkdirSync(join(project, folder), { recursive: true });
for (const file of ['cdk.json', 'package-lock.json', 'lambdas/kit/clock.ts']) writeFileSync(join(project, file), '1');
afterAll(() => rmSync(project, { recursive: true }));

let made = 0;
const synth = async (folder: string): Promise<void> => {
  made += 1;
  mkdirSync(folder);
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ artifacts: {}, made }));
};
const once = (env: string, how = synth) => synthesiseOnce({ project, assemblies, context: [`env=${env}`] }, how);

describe('an assembly', () => {
  it('is synthesised once for the same sources and context', async () => {
    const first = await once('demo');
    expect((await once('demo')).folder).toBe(first.folder);
    expect(made).toBe(1);
    expect((await once('other')).folder).not.toBe(first.folder);
    expect(made).toBe(2);
  });

  it('is another one when any source has changed, and then the old ones go', async () => {
    const before = await once('demo');
    utimesSync(before.folder, 0, 0);
    writeFileSync(join(project, 'lambdas/kit/clock.ts'), '2');
    const after = await once('demo');
    expect(after.folder).not.toBe(before.folder);
    expect(readdirSync(assemblies).map((name) => join(assemblies, name))).not.toContain(before.folder);
  });

  it('that could not be synthesised leaves nothing, and is tried again', async () => {
    const failing = async (folder: string): Promise<void> => {
      await synth(folder);
      throw new Error('a wrong environment');
    };
    await expect(once('wrong', failing)).rejects.toThrow('a wrong environment');
    expect(readdirSync(assemblies).filter((name) => name.startsWith('.'))).toEqual([]);
    const count = made;
    await once('wrong');
    expect(made).toBe(count + 1);
  });
});
