import { type ProcessEntry, processTable } from './table.ts';

const isNpm = (entry: ProcessEntry): boolean => /(^|[/\s])(npm|npx|pnpm|yarn)(-cli\.js|-cli\.cjs)?(\s|$)/.test(entry.command);

/**
 * The processes between this one and the `npm` that runs it, npm included: when one of them dies, nobody waits for the lab any
 * more. Empty when no npm runs it.
 */
export function ancestorsToNpm(pid = process.pid): ProcessEntry[] {
  const table = processTable();
  const chain: ProcessEntry[] = [];
  for (let entry = table.get(table.get(pid)?.parent ?? 0); entry && entry.pid > 1; entry = table.get(entry.parent)) {
    chain.push(entry);
    if (isNpm(entry)) return chain;
  }
  return [];
}

/** Was this process started by an npm script whose npm has died since? Then nobody will ever stop it. */
export function isOrphan(): boolean {
  return process.env.npm_lifecycle_event !== undefined && process.ppid === 1 && ancestorsToNpm().length === 0;
}
