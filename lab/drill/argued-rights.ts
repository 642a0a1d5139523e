import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Right, UseOfRights } from '../iam/access.ts';
import { describeUnused } from './rights.ts';

/** A row of `docs/unused-rights.md`: a right in a code span, and why it is kept although no drill uses it. */
const ROW = /^\| `([^`]+)` \| (.+) \|$/;

/** The rights that the document argues for, with their reasons. */
export function arguedIn(markdown: string): Map<string, string> {
  const rows = markdown.split('\n').flatMap((line) => {
    const [, right, why] = ROW.exec(line) ?? [];
    return right && why ? [[right.replaceAll('&#124;', '|'), why.trim()] as const] : [];
  });
  return new Map(rows);
}

/** Those that no drill used and that nobody argues for, as lines. */
export const notArgued = (unused: readonly Right[], argued: ReadonlyMap<string, string>): string[] =>
  describeUnused(unused).filter((line) => !argued.has(line));

/** Every `rights.json` below some folders of reports. */
export const readUses = (folders: readonly string[]): UseOfRights[] =>
  folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.split('/').at(-1) === 'rights.json')
      .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as UseOfRights),
  );
