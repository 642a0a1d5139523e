import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sweep } from './sweep.ts';
import { isRunning, startTime } from './table.ts';

const RUN_FILE = 'run.json';
const KEEP_FILE = 'keep';

interface Run {
  id: string;
  pid: number;
  startedAt: string;
}

/**
 * Make the folder of a new run, below the system's temporary folder and separate for each project folder. It can be passed through by every
 * user (PostgreSQL will not run as root) and listed by its owner only.
 */
export function createRunFolder(project: string, keep: boolean): { id: string; folder: string } {
  const id = `${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}-${randomBytes(3).toString('hex')}`;
  const base = baseFolder(project);
  const unnamed = join(base, `.${id}`);
  for (const folder of [base, unnamed]) {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o711);
  }
  const run: Run = { id, pid: process.pid, startedAt: startTime(process.pid) ?? '' };
  writeFileSync(join(unnamed, RUN_FILE), JSON.stringify(run));
  mkdirSync(join(unnamed, 'logs'));
  if (keep) writeFileSync(join(unnamed, KEEP_FILE), '');
  // The folder gets its name only when it is complete, so that a lab that starts meanwhile never takes it for a leftover.
  const folder = join(base, id);
  renameSync(unnamed, folder);
  return { id, folder };
}

/** Kill what crashed runs of this project have left running, and remove the folders of all runs that ended and are not to be kept. */
export async function clearEndedRuns(project: string): Promise<void> {
  const base = baseFolder(project);
  if (!existsSync(base)) return;
  for (const name of readdirSync(base).filter((entry) => !entry.startsWith('.'))) {
    const folder = join(base, name);
    const run = readRun(folder);
    if (run && isRunning(run.pid, run.startedAt)) continue;
    await sweep(run?.id ?? name, folder);
    if (!existsSync(join(folder, KEEP_FILE))) rmSync(folder, { recursive: true, force: true });
  }
}

function readRun(folder: string): Run | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, RUN_FILE), 'utf8')) as Run;
  } catch {
    return undefined;
  }
}

function baseFolder(project: string): string {
  const name = createHash('sha256').update(project).digest('hex').slice(0, 12);
  return join(realpathSync(tmpdir()), `lifeboat-lab-${name}`);
}
