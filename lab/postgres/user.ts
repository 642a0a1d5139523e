import { execFileSync } from 'node:child_process';
import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Whom the database processes run as. Empty: as ourselves. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

const CANDIDATES = ['postgres', 'nobody'];

/**
 * PostgreSQL refuses to run as root, and as a uid that has no passwd entry. So root hands its servers to an unprivileged user that
 * exists, and everybody else runs them as himself.
 */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return {};
  for (const name of CANDIDATES) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such user here: the next one.
    }
  }
  throw new Error(`PostgreSQL refuses to run as root, and none of the users ${CANDIDATES.join(', ')} exists. Run the lab as another user.`);
}

/** Can the user enter this directory, that is, search each directory on the way down to it? */
export function traversable(directory: string, user: ServerUser): boolean {
  for (let at = path.resolve(directory); ; at = path.dirname(at)) {
    if (!searchable(at, user)) return false;
    if (at === path.dirname(at)) return true;
  }
}

function searchable(directory: string, user: ServerUser): boolean {
  try {
    if (user.uid !== undefined) return hasSearchBit(statSync(directory), user);
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function hasSearchBit(stats: Stats, user: ServerUser): boolean {
  if (stats.uid === user.uid) return (stats.mode & 0o100) !== 0;
  if (stats.gid === user.gid) return (stats.mode & 0o010) !== 0;
  return (stats.mode & 0o001) !== 0;
}

/** Refuses a folder for the servers' files that they could not get into. */
export function assertTraversable(directory: string, user: ServerUser): void {
  if (traversable(directory, user)) return;
  throw new Error(
    `The database servers run as user ${user.uid}, who cannot enter ${directory}: put the lab's state where all users may pass.`,
  );
}

/** Give a file or directory to the servers' user. */
export async function giveTo(user: ServerUser, file: string, mode: number): Promise<void> {
  await chmod(file, mode);
  if (user.uid !== undefined && user.gid !== undefined) await chown(file, user.uid, user.gid);
}

/** Make a directory that belongs to the servers' user alone. */
export async function makeOwnDirectory(directory: string, user: ServerUser): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await giveTo(user, directory, 0o700);
}

/** Write a file that the servers' user alone may read. */
export async function writeOwn(file: string, user: ServerUser, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  await giveTo(user, file, 0o600);
}
