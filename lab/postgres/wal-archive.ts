import { access, chmod, copyFile, mkdir, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type pg from 'pg';
import type { Settings } from './configuration.ts';
import { giveTo, makeOwnDirectory, type ServerUser } from './user.ts';

/** As `initdb` is told. */
const SEGMENT_BYTES = 1 << 20;
const SEGMENT = /^[0-9A-F]{24}$/;
/** A timeline's history belongs to the log; a `.partial` segment of an older timeline, or what is still being written, does not. */
const KEPT = /^[0-9A-F]{24}$|^[0-9A-F]{8}\.history$/;

/**
 * The log of one server, segment by segment, apart from the server. The server drops finished segments into one folder; `collect` moves
 * them into another, where nothing is written twice, without the zeros at their end: most are cut long before they are full.
 */
export class WalArchive {
  readonly directory: string;
  /** Where the server may write its base backups. */
  readonly bases: string;
  private readonly dropped: string;

  /** `folder` is this archive's alone. */
  constructor(
    private readonly folder: string,
    private readonly user: ServerUser,
  ) {
    this.directory = path.join(folder, 'wal');
    this.bases = path.join(folder, 'bases');
    this.dropped = path.join(folder, 'dropped');
  }

  async create(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o755 });
    await makeOwnDirectory(this.dropped, this.user);
    await makeOwnDirectory(this.bases, this.user);
  }

  /** What a server must be started with, so that it hands its segments over. */
  get settings(): Settings {
    return { archive_mode: 'on', archive_library: 'basic_archive', 'basic_archive.archive_directory': this.dropped };
  }

  /** Takes in what the server has dropped. One that comes again after a crash takes its own place. */
  async collect(): Promise<void> {
    for (const name of (await readdir(this.dropped)).filter((entry) => KEPT.test(entry))) {
      const file = path.join(this.directory, name);
      await writeFile(`${file}.new`, withoutTrailingZeros(await readFile(path.join(this.dropped, name))), { mode: 0o600 });
      await rename(`${file}.new`, file);
      await rm(path.join(this.dropped, name));
    }
  }

  async has(segment: string): Promise<boolean> {
    return access(path.join(this.directory, segment)).then(
      () => true,
      () => false,
    );
  }

  /** Its segments and histories by name, in the order of the log. */
  async files(): Promise<string[]> {
    return (await readdir(this.directory)).filter((name) => KEPT.test(name)).sort();
  }

  /** Takes over the files of another archive that are not here yet. */
  async copyFrom(source: WalArchive, beforeEach: () => Promise<void>): Promise<void> {
    for (const name of await source.files()) {
      if (await this.has(name)) continue;
      await beforeEach();
      const file = path.join(this.directory, name);
      await copyFile(path.join(source.directory, name), `${file}.new`);
      await rename(`${file}.new`, file);
    }
  }

  /** Lays the log out for a server's recovery, in a folder of its own: segments at full length again. */
  async layOut(folder: string): Promise<void> {
    await makeOwnDirectory(folder, this.user);
    for (const name of await this.files()) {
      const file = path.join(folder, name);
      await copyFile(path.join(this.directory, name), file);
      await chmod(file, 0o600);
      if (SEGMENT.test(name)) await truncate(file, SEGMENT_BYTES);
      await giveTo(this.user, file, 0o600);
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function withoutTrailingZeros(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** A commit, and the segment that holds it. */
export interface Mark {
  committedAt: Date;
  segment: string;
}

/**
 * Commits something and ends the segment that it is in. An idle server has nothing to archive by itself, and a recovery to a moment needs
 * a commit after that moment to know that it has passed it.
 */
export async function markLog(client: pg.Client): Promise<Mark> {
  const [commit] = (await client.query<{ id: string }>('select pg_current_xact_id()::text as id')).rows;
  const [time] = (await client.query<{ at: Date }>('select pg_xact_commit_timestamp($1::text::xid) as at', [commit!.id])).rows;
  const [end] = (await client.query<{ segment: string }>('select pg_walfile_name(pg_switch_wal() - 1) as segment')).rows;
  return { committedAt: time!.at, segment: end!.segment };
}
