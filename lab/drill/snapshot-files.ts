import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Region } from '../types.ts';
import type { DrillLab } from './drill-lab.ts';

const run = promisify(execFile);
const TAR_TIMEOUT_MS = 60_000;

/** The bytes of a snapshot, beneath the API: what silent damage in a store would change. */
export class SnapshotFile {
  private readonly tar: string;
  private readonly original: string;

  constructor(lab: DrillLab, region: Region, id: string) {
    this.tar = path.join(lab.folder, 'rds', region, 'snapshots', `${id}.tar`);
    this.original = `${this.tar}.original`;
  }

  async keep(): Promise<void> {
    await copyFile(this.tar, this.original);
  }

  async repair(): Promise<void> {
    await copyFile(this.original, this.tar);
  }

  /** Cuts off its end. */
  async truncateTo(part: number): Promise<void> {
    await truncate(this.tar, Math.floor((await stat(this.tar)).size * part));
  }

  /** Puts another snapshot's bytes in its place. */
  async replaceWith(other: SnapshotFile): Promise<void> {
    await copyFile(other.tar, this.tar);
  }

  /** Changes files inside it. */
  async edit(change: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lifeboat-damage-'));
    try {
      await run('tar', ['-xf', this.tar, '-C', folder], { timeout: TAR_TIMEOUT_MS });
      await change(folder);
      await run('tar', ['-cf', this.tar, '-C', folder, '.'], { timeout: TAR_TIMEOUT_MS });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Inverts a byte of a file. */
export const flipByte = async (file: string, at: number): Promise<void> => {
  const handle = await open(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    await handle.write(Buffer.from([byte[0]! ^ 0xff]), 0, 1, at);
  } finally {
    await handle.close();
  }
};

/** The WAL segments that a base backup brings along, in their order. */
export const segmentsIn = async (folder: string): Promise<string[]> => {
  const wal = path.join(folder, 'pg_wal');
  return (await readdir(wal))
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .sort()
    .map((name) => path.join(wal, name));
};
