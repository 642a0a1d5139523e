import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Processes } from '../types.ts';

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL('./requirements.txt', import.meta.url));
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/lifeboat-lab', import.meta.url));
const MINIMUM = [3, 10] as const;
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/** Why the lab's Python engines cannot be made ready, and what to do about it, in one message. */
export class PythonMissing extends Error {
  override readonly name = 'PythonMissing';
}

/**
 * The Python interpreter of the virtual environment that holds the engines; the environment is made on first use, once for each
 * version of `requirements.txt`. With `processes` the installation ends with the lab, however that dies.
 */
export async function enginesPython(log: (line: string) => void = () => undefined, processes?: Processes): Promise<string> {
  const version = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 12);
  const folder = join(CACHE, `engines-${version}`);
  const python = join(folder, 'bin', 'python');
  if (existsSync(python)) return python;
  await requirePython();
  log('Installing the lab’s engines (MiniStack, moto) into a virtual environment; once, about a minute');
  const unfinished = join(CACHE, `.${process.pid}-${version}`);
  mkdirSync(CACHE, { recursive: true });
  removeAbandoned();
  try {
    await create(unfinished, starter(processes));
    publish(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return python;
}

type Start = (command: string, args: string[]) => ChildProcess;

/** pip reads its index and proxies from the environment, so all of ours is passed on. */
const starter = (processes: Processes | undefined): Start => {
  if (!processes) return (command, args) => spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const env = Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  return (command, args) => processes.spawn(command, args, { name: 'engines', env, pipe: true });
};

async function create(folder: string, start: Start): Promise<void> {
  await step('create a virtual environment (Debian, Ubuntu: `apt install python3-venv`)', start('python3', ['-m', 'venv', folder]));
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS];
  await step('install the engines with pip; is a package index reachable?', start(join(folder, 'bin', 'python'), pip));
}

/** What an installation that was killed has left: its process, by which the folder is called, is gone. */
function removeAbandoned(): void {
  for (const name of readdirSync(CACHE)) {
    const pid = Number(/^\.(\d+)-/.exec(name)?.[1]);
    if (pid && !isAlive(pid)) rmSync(join(CACHE, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The environment gets its name only when it is complete. Another process may have been quicker: then its work is as good as ours. */
function publish(unfinished: string, folder: string): void {
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  }
}

async function requirePython(): Promise<void> {
  const needed = MINIMUM.join('.');
  const { stdout } = await run('python3', ['-c', 'import sys; print(*sys.version_info[:2])'], { timeout: 10_000 }).catch(() => {
    throw new PythonMissing(`The lab needs Python ${needed} or newer as \`python3\` on the PATH: none was found.`);
  });
  const [major = 0, minor = 0] = stdout.trim().split(' ').map(Number);
  if (major < MINIMUM[0] || (major === MINIMUM[0] && minor < MINIMUM[1])) {
    throw new PythonMissing(`The lab needs Python ${needed} or newer as \`python3\` on the PATH: it is ${major}.${minor}.`);
  }
}

async function step(what: string, child: ChildProcess): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), INSTALL_TIMEOUT_MS);
  const ended = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `it ended with ${signal ?? code}`));
  });
  clearTimeout(timer);
  if (ended) throw new PythonMissing(`The lab could not ${what}\n${output.trim().split('\n').slice(-3).join('\n') || ended}`);
}
