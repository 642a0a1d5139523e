import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';
import type { FunctionError } from './errors.ts';

const TAIL_LINES = 2_000;

/** The log of one function: a file, and its last lines in memory for reports. */
export class FunctionLog {
  private readonly file: WriteStream;
  private lines: string[] = [];
  private closed = false;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.file = createWriteStream(path, { flags: 'a' });
  }

  write(text: string): void {
    // Sandboxes that are killed at the end may have said something that arrives later.
    if (!this.closed) this.file.write(text);
    this.lines.push(...text.split('\n').filter((line) => line !== ''));
    if (this.lines.length > 2 * TAIL_LINES) this.lines = this.lines.slice(-TAIL_LINES);
  }

  /** The last lines, oldest first. */
  tail(count = TAIL_LINES): string[] {
    return this.lines.slice(-count);
  }

  close(): Promise<void> {
    this.closed = true;
    return new Promise((resolve) => this.file.end(resolve));
  }
}

export function startLine(requestId: string, version: string): string {
  return `START RequestId: ${requestId} Version: ${version}\n`;
}

export function timeoutLine(requestId: string, timeoutSeconds: number): string {
  return `${new Date().toISOString()} ${requestId} Task timed out after ${timeoutSeconds.toFixed(2)} seconds\n`;
}

export interface Report {
  requestId: string;
  memoryMb: number;
  durationMs: number;
  /** Of a cold start only. */
  initMs?: number;
  error?: FunctionError;
}

/** The lines that end an invocation's log. */
export function reportLines({ requestId, memoryMb, durationMs, initMs, error }: Report): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs)} ms`,
    `Memory Size: ${memoryMb} MB`,
  ];
  if (initMs !== undefined) fields.push(`Init Duration: ${initMs.toFixed(2)} ms`);
  if (error) fields.push(`Status: ${error.errorType === 'Sandbox.Timedout' ? 'timeout' : 'error'}`, `Error Type: ${error.errorType}`);
  return `END RequestId: ${requestId}\n${fields.join('\t')}\n`;
}
