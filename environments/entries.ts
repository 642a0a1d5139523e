import type { Problem } from './problems.ts';
import { readable } from './salvage.ts';

/** What `read` gives of each entry, but for those that it cannot read. */
export const each = <T, R>(entries: readonly T[], read: (entry: T, index: number) => R): R[] =>
  Array.from(entries.keys()).flatMap((i) => readable(() => [read(entries[i]!, i)]) ?? []);

/** Those entries whose value an earlier one has. */
export const duplicates = (entries: { value: string; path: (string | number)[] }[]): Problem[] =>
  entries
    .filter(({ value }, i) => entries.findIndex((other) => other.value === value) < i)
    .map(({ value, path }) => ({ path, message: `is '${value}', which is used before; give each its own` }));
