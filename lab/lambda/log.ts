import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

const TAIL_LINES = 2_000;

/** The log of one function: a file, and its last lines in memory for reports. */
export class FunctionLog {
  private readonly file: WriteStream;
  private lines: string[] = [];

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.file = createWriteStream(path, { flags: 'a' });
  }

  write(text: string): void {
    this.file.write(text);
    this.lines.push(...text.split('\n').filter((line) => line !== ''));
    if (this.lines.length > 2 * TAIL_LINES) this.lines = this.lines.slice(-TAIL_LINES);
  }

  /** The last lines, oldest first. */
  tail(count = TAIL_LINES): string[] {
    return this.lines.slice(-count);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.file.end(resolve));
  }
}
