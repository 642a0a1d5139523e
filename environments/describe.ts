import type { z } from 'zod';
import { keysAt } from './salvage.ts';

/** One line on a wrong shape: its path, what was given, what is accepted. */
export const describeIssue = (issue: z.core.$ZodIssue, schema: z.core.$ZodType, input: unknown): string => {
  const value = valueAt(input, issue.path);
  const given = value === undefined ? 'is missing' : `is ${show(value)}`;
  return `${pathText(issue.path)}: ${messageFor(issue, given, () => keysAt(schema, input, issue.path))}`;
};

/** `workloads[0].name`, as one would write it in code. */
export const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)), '') ||
  '(environment)';

const messageFor = (issue: z.core.$ZodIssue, given: string, knownKeys: () => string[]): string => {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `has no ${issue.keys.map((key) => `'${key}'`).join(', ')}; it has: ${knownKeys().join(', ')}`;
    case 'invalid_type':
      return `${given}; give ${article(issue.expected)}`;
    case 'invalid_value':
      return `${given}; accepted: ${issue.values.map(show).join(', ')}`;
    case 'too_small':
      return `${given}; ${sized(issue.origin, 'at least', issue.minimum)}`;
    case 'too_big':
      return `${given}; ${sized(issue.origin, 'at most', issue.maximum)}`;
    case 'invalid_format':
      return `${given}; give ${issue.message.startsWith('Invalid') ? article(issue.format) : issue.message}`;
    case 'invalid_union':
      return `${given}; accepted: ${acceptedBy(issue).map(show).join(', ')}`;
    case 'custom':
      return issue.message;
    default:
      return `${given}; give ${issue.message}`;
  }
};

const acceptedBy = (issue: z.core.$ZodIssueInvalidUnion): unknown[] =>
  issue.errors.length > 0
    ? issue.errors.flat().flatMap((each) => (each.code === 'invalid_value' ? each.values : [each.message]))
    : ((issue as { options?: unknown[] }).options ?? []);

const sized = (origin: string, relation: string, limit: number | bigint): string =>
  origin === 'array'
    ? `give ${relation} ${limit} of them`
    : origin === 'string'
      ? `give ${relation} ${limit} characters`
      : `give ${relation} ${limit}`;

const article = (noun: string): string => (noun === 'url' ? 'a URL' : /^[aeio]/.test(noun) ? `an ${noun}` : `a ${noun}`);

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input);

const show = (value: unknown): string => {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};
