import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MANIFEST = 'inputs.json';

/** Digest by file: everything that went into a build. */
type Inputs = Record<string, string>;

/**
 * Keeps what was bundled, since making it costs more than the rest of a synthesis: as long as not a byte of what went in has changed,
 * neither has what comes out. One build is kept for each recipe (the options and the entries); the newest replaces the one before.
 */
export class BundleCache {
  constructor(
    private readonly folder: string,
    private readonly recipe: unknown,
  ) {}

  /** Puts the kept build into a folder, if it is still what a build would make. */
  restore(outDir: string): boolean {
    try {
      const inputs = JSON.parse(readFileSync(join(this.place, MANIFEST), 'utf8')) as Inputs;
      if (!Object.entries(inputs).every(([file, digest]) => existsSync(file) && digestOf(file) === digest)) return false;
      cpSync(this.place, outDir, { recursive: true });
      rmSync(join(outDir, MANIFEST));
      return true;
    } catch {
      // There is none, or another synthesis is replacing it at this moment: build.
      rmSync(outDir, { recursive: true, force: true });
      return false;
    }
  }

  /** Keeps a build that was made of these files. */
  keep(outDir: string, files: readonly string[]): void {
    mkdirSync(this.folder, { recursive: true });
    const unnamed = mkdtempSync(join(this.folder, '.new-'));
    cpSync(outDir, unnamed, { recursive: true });
    writeFileSync(join(unnamed, MANIFEST), JSON.stringify(Object.fromEntries(files.map((file) => [file, digestOf(file)]))));
    try {
      rmSync(this.place, { recursive: true, force: true });
      renameSync(unnamed, this.place);
    } catch {
      rmSync(unnamed, { recursive: true, force: true }); // another one was faster
    }
  }

  private get place(): string {
    return join(this.folder, createHash('sha256').update(JSON.stringify(this.recipe)).digest('hex').slice(0, 16));
  }
}

const digestOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');
