import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Region } from '../types.ts';
import { flipByte } from './snapshot-files.ts';

const SEGMENT = /^[0-9A-F]{24}$/;

/** The log that RDS keeps of an instance, beneath the API: what silent damage in its store would change. */
export class LogFiles {
  private readonly folder: string;

  /** `folder` is the lab's, `resourceId` the instance's `DbiResourceId`. */
  constructor(folder: string, region: Region, resourceId: string) {
    this.folder = path.join(folder, 'rds', region, 'automated-backups', resourceId, 'wal');
  }

  /** In the order of the log. */
  async segments(): Promise<string[]> {
    return (await readdir(this.folder)).filter((name) => SEGMENT.test(name)).sort();
  }

  /**
   * Inverts eight bytes of a segment, by default of its first records: a record begins at a multiple of eight, so up to seven bytes before
   * it may be padding, which nobody reads and whose damage nobody can see.
   */
  async corrupt(segment: string, at = 100): Promise<void> {
    for (let byte = at; byte < at + 8; byte += 1) await flipByte(path.join(this.folder, segment), byte);
  }

  async lose(segment: string): Promise<void> {
    await rm(path.join(this.folder, segment));
  }
}
