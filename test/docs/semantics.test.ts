import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scenarios } from '../../lab/drill/scenarios/index.ts';

const tests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join('test', file));
const drills = new Set(scenarios.map(({ name }) => name));

interface Held {
  /** A line's place, for the message. */
  where: string;
  text: string;
}

/** Rows of tables whose last column says what holds them. */
const rowsOf = (file: string): Held[] => {
  let headed = false;
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      if (!line.startsWith('|')) headed = false;
      else if (/\| (held by|test) \|$/.test(line)) headed = true;
      else if (headed && !line.startsWith('|---')) return [{ where: `${file}:${i + 1}`, text: line.split('|').at(-2)!.trim() }];
      return [];
    });
};

/** What a text names: test files, each with the titles after it, and drills. */
const namedIn = (text: string): { files: { name: string; titles: string[] }[]; drills: string[] } => {
  const files = [...text.matchAll(/`([\w./-]+\.test\.ts)`(?::((?:,? ?(?:'[^']*'|"[^"]*"))+))?/g)].map(([, name, titles = '']) => ({
    name: name!,
    titles: [...titles.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, single, double]) => (single ?? double)!),
  }));
  const drillNames = [...text.matchAll(/drills? ((?:`[a-z-]+`(?:, )?)+)/g)].flatMap(([, names]) =>
    [...names!.matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!),
  );
  return { files, drills: drillNames };
};

/** What a text names and there is not. */
const missingIn = ({ where, text }: Held): string[] => {
  const { files, drills: named } = namedIn(text);
  const unknown = named.filter((name) => !drills.has(name)).map((name) => `${where}: no drill '${name}'`);
  const wrong = files.flatMap(({ name, titles }) => {
    const found = tests.filter((file) => file === name || basename(file) === name);
    if (found.length !== 1) return [`${where}: ${found.length} files '${name}'`];
    const source = readFileSync(found[0]!, 'utf8').replaceAll("\\'", "'");
    return titles.filter((title) => !source.includes(title)).map((title) => `${where}: no test '${title}' in ${found[0]}`);
  });
  return [...unknown, ...wrong];
};

describe.each(['docs/failure-semantics.md', 'docs/database-lease.md'])('%s', (file) => {
  it('names for each promise what holds it', () => {
    const rows = rowsOf(file);
    expect(rows.length).toBeGreaterThan(5);
    const bare = rows.filter(({ text }) => {
      const { files, drills: named } = namedIn(text);
      return files.length + named.length === 0;
    });
    expect(bare).toEqual([]);
  });

  it('names no test, title or drill that is not there', () => {
    const all = readFileSync(file, 'utf8');
    expect(missingIn({ where: file, text: all.replaceAll('\n', ' ') })).toEqual([]);
  });
});

it('sees what is missing', () => {
  const text =
    "`guard.test.ts`: 'does not release what it could not fence', 'nonsense'; `none.test.ts`; drills `region-failure`, `nonsense`";
  expect(missingIn({ where: 'here', text })).toEqual([
    "here: no drill 'nonsense'",
    "here: no test 'nonsense' in test/detection/guard.test.ts",
    "here: 0 files 'none.test.ts'",
  ]);
});
