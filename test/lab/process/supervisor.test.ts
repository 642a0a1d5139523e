import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import { processesOf } from '../../../lab/process/sweep.ts';

const program = fileURLToPath(new URL('./a-lab.ts', import.meta.url));
const supervisorModule = new URL('../../../lab/process/supervisor.ts', import.meta.url).href;
const root = process.cwd();
let project: string;
let child: ChildProcess | undefined;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'lab-process-'));
});
afterEach(() => child?.kill('SIGKILL'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

interface Started {
  runId: string;
  folder: string;
  pid: number;
}

async function started(command: string, args: string[], cwd = root): Promise<Started> {
  child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout! })) if (line.startsWith('{')) return JSON.parse(line) as Started;
  throw new Error('The program ended before it started anything.');
}

const startLab = (): Promise<Started> => started(process.execPath, ['--import', 'tsx', program, project]);
const left = ({ runId, folder }: Started): string[] => processesOf(runId, folder).map((entry) => entry.command);
const running = async (lab: Started): Promise<void> =>
  void (await vi.waitFor(() => expect(left(lab).length).toBeGreaterThanOrEqual(4), { timeout: 5000 }));
const nothingLeft = async (lab: Started, timeout = 8000): Promise<void> => {
  await vi.waitFor(() => expect(left(lab)).toEqual([]), { timeout });
};

describe('no process outlives the lab', () => {
  it('when the lab is killed without a word; and the next run works and clears its folder', async () => {
    const lab = await startLab();
    await running(lab);
    process.kill(lab.pid, 'SIGKILL');
    await nothingLeft(lab);
    const next = await Supervisor.start({ project });
    expect(existsSync(lab.folder)).toBe(false);
    expect(statSync(next.folder).mode & 0o777).toBe(0o711);
    await next.stop();
  });

  it('when the reaper was killed too: the next run ends what is left', async () => {
    const lab = await startLab();
    await running(lab);
    const { processTable } = await import('../../../lab/process/table.ts');
    const reaper = [...processTable().values()].find((entry) => entry.command.includes('reaper.ts') && entry.command.includes(lab.runId))!;
    process.kill(reaper.pid, 'SIGKILL');
    process.kill(lab.pid, 'SIGKILL');
    await once(child!, 'exit');
    expect(left(lab).length).toBeGreaterThanOrEqual(4);
    await (await Supervisor.start({ project })).stop();
    expect(left(lab)).toEqual([]);
  });

  it('when it is told to stop, in order, and exits as the signal says', async () => {
    const lab = await startLab();
    await running(lab);
    child!.kill('SIGTERM');
    expect(await once(child!, 'exit')).toEqual([143, null]);
    expect(left(lab)).toEqual([]);
  });

  it('when the npm above it is killed', async () => {
    const scripts = { drill: `cd ${root} && node --import tsx ${program} ${project}; true` };
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'x', private: true, scripts }));
    const npm = started('npm', ['run', 'drill', '--prefix', project], root);
    const lab = await npm;
    await running(lab);
    child!.kill('SIGKILL');
    await nothingLeft(lab, 30_000);
    await vi.waitFor(() => expect(() => process.kill(lab.pid, 0)).toThrow(), { timeout: 20_000 });
  });
});

describe('Supervisor', () => {
  it('writes the output of a child to its log and gives it its own environment only', async () => {
    const supervisor = await Supervisor.start({ project });
    const env = supervisor.spawn('env', [], { name: 'env', env: { GIVEN: 'yes' } });
    await once(env, 'exit');
    const log = readFileSync(supervisor.logFile('env'), 'utf8').trim().split('\n');
    expect(log.map((line) => line.split('=')[0]).sort()).toEqual(['GIVEN', 'HOME', 'LIFEBOAT_LAB_RUN', 'PATH']);
    await supervisor.stop();
  });

  it('does not touch another run that is alive', async () => {
    const first = await Supervisor.start({ project });
    const sleeper = first.spawn('sleep', ['600'], { name: 'sleeper' });
    const second = await Supervisor.start({ project });
    expect(sleeper.exitCode).toBeNull();
    await second.stop();
    expect(sleeper.exitCode ?? sleeper.signalCode).toBeNull();
    await first.stop();
    expect(sleeper.signalCode).toBe('SIGTERM');
  });

  it('keeps a run’s folder when asked to', async () => {
    const kept = await Supervisor.start({ project, keep: true });
    await kept.stop();
    await (await Supervisor.start({ project })).stop();
    // The second run is this process's own and so is the first: both count as alive until this process ends.
    expect(existsSync(join(kept.folder, 'keep'))).toBe(true);
  });
});

it('stops although nothing else keeps the program alive', async () => {
  const source = `import { Supervisor } from ${JSON.stringify(supervisorModule)};
    const supervisor = await Supervisor.start({ project: process.argv[2] });
    await supervisor.stop();
    console.log('stopped');`;
  const file = join(project, 'program.mts');
  writeFileSync(file, source);
  child = spawn(process.execPath, ['--import', 'tsx', file, project], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});
