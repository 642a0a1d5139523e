import type { z } from 'zod';
import { type Environment, type EnvironmentInput, environmentSchema } from './schema.ts';

/** Thrown by `defineEnvironment`: lists every problem, one a line, with path, what was given and how to fix it. */
export class InvalidEnvironment extends Error {
  override readonly name = 'InvalidEnvironment';
  readonly problems: readonly string[];

  constructor(environmentName: string, problems: readonly string[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    super(
      `Environment '${environmentName}' has ${count}, nothing was deployed:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

/**
 * Validates an environment and fills in its defaults.
 * @throws InvalidEnvironment naming all problems at once.
 */
export const defineEnvironment = (input: EnvironmentInput): Environment => {
  const result = environmentSchema.safeParse(input);
  if (result.success) return result.data;
  throw new InvalidEnvironment(
    String(input?.name ?? 'without a name'),
    result.error.issues.map((issue) => describe(issue, input)),
  );
};

const describe = (issue: z.core.$ZodIssue, input: unknown): string => {
  const given = issue.code === 'unrecognized_keys' || issue.code === 'custom' ? '' : ` (given: ${show(valueAt(input, issue.path))})`;
  return `${pathText(issue.path)}: ${issue.message}${given}`;
};

const pathText = (path: readonly PropertyKey[]): string =>
  path.reduce<string>((text, key) => (typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key)), '') ||
  '(environment)';

const valueAt = (input: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], input);

const show = (value: unknown): string => (value === undefined ? 'nothing' : (JSON.stringify(value)?.slice(0, 80) ?? String(value)));
