import { once } from 'node:events';
import type { Processes } from '../types.ts';
import type { ServerUser } from './user.ts';

const TIMEOUT_MS = 120_000;

/** What PostgreSQL's programs need of an environment: messages in English, times in UTC. */
export const ENVIRONMENT = { LC_ALL: 'C', TZ: 'UTC' };

/** Runs a program to its end as the servers' user; throws with its output where it fails. */
export async function run(processes: Processes, user: ServerUser, command: string, args: string[]): Promise<void> {
  const name = command.split('/').at(-1) ?? command;
  const child = processes.spawn(command, args, { name, env: ENVIRONMENT, ...user, pipe: true });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  try {
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`${name} ended with ${code ?? child.signalCode}: ${output.slice(-2000)}`);
  } finally {
    clearTimeout(timer);
  }
}
