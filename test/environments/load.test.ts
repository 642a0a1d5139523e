import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { environmentsIn, load } from '../../environments/load.ts';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'lifeboat-environments-'));
const out = join(folder, 'cdk.out');
afterAll(() => rmSync(folder, { recursive: true }));

const fiveMistakes = `
import { defineEnvironment } from '${root}/environments/define.ts';
export default defineEnvironment({
  name: 'broken',
  account: '1234',
  sites: { primary: { region: 'us-east-1' }, recovery: { region: 'us-east-1' } },
  witness: { region: 'us-east-2' },
  detection: { references: ['https://reference.example.net/'], qorum: 2 },
  failover: { policy: 'auto' },
  workloads: [
    {
      name: 'orders',
      objectives: { rtoSeconds: 60, rpoSeconds: 0 },
      endpoint: { publicName: 'o.example.com', hostedZone: { name: 'example.com' }, targets: { primary: 'a.example.net', recovery: 'b.example.net' }, writePath: '/w' },
    },
  ],
});`;
writeFileSync(join(folder, 'broken.ts'), fiveMistakes);
writeFileSync(join(folder, 'copied.ts'), "export default { name: 'demo' };");
writeFileSync(join(folder, 'helper.ts'), 'export const notAnEnvironment = 1;');

/** The CDK app as the CDK's command line starts it. */
const synth = (context: Record<string, string>): Promise<{ code: number | null; stderr: string }> =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, CDK_CONTEXT_JSON: JSON.stringify(context), CDK_OUTDIR: out };
    const child = spawn(process.execPath, ['--import', 'tsx', 'bin/app.ts'], { cwd: root, env, timeout: 50_000 });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on('error', reject).on('close', (code) => resolve({ code, stderr }));
  });

describe('load', () => {
  it.each(environmentsIn(join(root, 'environments')))("accepts the project's own environment %s", async (name) => {
    expect((await load(name)).name).toBe(name);
  });

  it('finds the environments of a folder, and none among the modules beside them', () => {
    expect(environmentsIn(join(root, 'environments'))).toContain('demo');
    expect(environmentsIn(folder)).toEqual(['broken', 'copied']);
  });

  it('loads the demo', async () => {
    expect((await load('demo')).name).toBe('demo');
  });

  it('lists what exists for a name that does not', async () => {
    await expect(load('prod', folder)).rejects.toThrow(/no environment 'prod'; .*broken, copied/);
    await expect(load('../demo', folder)).rejects.toThrow(/no environment/);
  });

  it.each([undefined, '', 7])('asks for a name when given %j', async (name) => {
    await expect(load(name, folder)).rejects.toThrow(/^Which environment\? Add -c env=<name>/);
  });

  it('refuses a copied file that kept the other name', async () => {
    await expect(load('copied', folder)).rejects.toThrow("name: is 'demo' in copied.ts; give it the file's name, 'copied'");
  });
});

describe('the app', () => {
  it('prints five mistakes as five named problems, makes nothing, and shows no stack', async () => {
    const { code, stderr } = await synth({ env: 'broken', environments: folder });
    expect(code).toBe(1);
    expect(stderr.match(/^ {2}- .*?:/gm)).toEqual([
      '  - account:',
      '  - detection:',
      '  - failover.policy:',
      '  - sites.recovery.region:',
      '  - workloads[0].objectives.rtoSeconds:',
    ]);
    expect(stderr).toContain("Environment 'broken' has 5 problems, nothing was deployed");
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(readdirSync(out).filter((file) => file.endsWith('.template.json'))).toEqual([]);
  });
});
