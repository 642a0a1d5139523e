import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { baseBackupAtServer } from '../postgres/base-backup.ts';
import { type Mark, markLog, WalArchive } from '../postgres/wal-archive.ts';
import type { Region } from '../types.ts';
import type { Database } from './database.ts';
import { newAutomatedBackupId } from './names.ts';

/** A copy of the whole data, and the first moment that can be restored from it. */
interface Base {
  file: string;
  endedAt: Date;
}

const ARCHIVED_WITHIN_MS = 30_000;
const POLL_MS = 20;

/** What RDS keeps of an instance by itself: base backups and the log since, from which any second between two can be restored. */
export class AutomatedBackup {
  readonly id = newAutomatedBackupId();
  readonly archive: WalArchive;
  readonly bases: Base[] = [];
  /** Of its instance, which may be gone. */
  retained = false;
  /** No more is added. */
  closed = false;
  /** The attempt that is under way, or the last one. */
  attempt: Promise<void> = Promise.resolve();
  /** Where it is a replicated one: what it is a copy of, and the key it is encrypted with here. */
  replicaOf: { backup: AutomatedBackup; kmsKeyId: string | undefined; retentionDays: number } | undefined;
  private session: pg.Client | undefined;
  private newestMark: Date | undefined;

  constructor(
    readonly region: Region,
    readonly database: Database,
    folder: string,
  ) {
    this.archive = new WalArchive(folder, database.server.installation.user);
  }

  get status(): 'creating' | 'active' | 'retained' {
    if (this.retained) return 'retained';
    return this.bases.length > 0 ? 'active' : 'creating';
  }

  /** The first whole second that can be restored. */
  get earliestTime(): Date | undefined {
    const first = this.bases[0];
    return first && new Date(Math.ceil(first.endedAt.getTime() / 1000) * 1000);
  }

  /** The last whole second that can be restored: the log up to there is away from the instance, and a commit after it proves that. */
  get latestTime(): Date | undefined {
    const { earliestTime, newestMark } = this;
    if (!earliestTime || !newestMark) return undefined;
    const latest = new Date(Math.floor((newestMark.getTime() - 1) / 1000) * 1000);
    return latest < earliestTime ? undefined : latest;
  }

  /** The newest copy that was whole at a moment: from a later one, PostgreSQL would silently give that one's own state. */
  baseFor(moment: Date): Base | undefined {
    return this.bases.filter(({ endedAt }) => endedAt <= moment).at(-1);
  }

  async takeBase(): Promise<void> {
    const { server } = this.database;
    const folder = path.join(this.archive.bases, String(this.bases.length));
    // What an attempt left that broke off.
    await rm(folder, { recursive: true, force: true });
    const file = await baseBackupAtServer({ port: server.port, password: server.installation.password }, folder);
    this.bases.push({ file, endedAt: new Date() });
  }

  /** Brings the log up to now away from the instance. */
  async takeLog(): Promise<void> {
    const { committedAt, segment } = await this.mark();
    const deadline = Date.now() + ARCHIVED_WITHIN_MS;
    for (;;) {
      await this.archive.collect();
      if (await this.archive.has(segment)) break;
      if (Date.now() > deadline) throw new Error(`segment ${segment} was not archived within ${ARCHIVED_WITHIN_MS} ms`);
      await sleep(POLL_MS);
    }
    this.newestMark = committedAt;
  }

  /** Takes over what another one has by now, through a link between regions that may be cut at any moment. */
  async copyFrom(source: AutomatedBackup, untilReachable: () => Promise<void>): Promise<void> {
    // Read first: the log that is copied below reaches at least as far.
    const { newestMark } = source;
    for (const { file, endedAt } of source.bases.slice(this.bases.length)) {
      const copy = path.join(this.archive.bases, `${this.bases.length}.tar`);
      await untilReachable();
      await copyFile(file, copy);
      this.bases.push({ file: copy, endedAt });
    }
    await this.archive.copyFrom(source.archive, untilReachable);
    this.newestMark = newestMark;
  }

  /** Over one session, for as long as that lives: a new one for each mark would cost more than the mark. */
  private async mark(): Promise<Mark> {
    try {
      if (!this.session) {
        this.session = this.database.server.client({ application_name: 'rds-backup' });
        await this.session.connect();
      }
      return await markLog(this.session);
    } catch (error) {
      await this.hangUp();
      throw error;
    }
  }

  async hangUp(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    await session?.end().catch(() => {});
  }
}
