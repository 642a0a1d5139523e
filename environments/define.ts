import { describeIssue, pathText } from './describe.ts';
import { findProblems } from './problems.ts';
import { readable, salvage } from './salvage.ts';
import { type Environment, type EnvironmentInput, environmentShape } from './schema.ts';

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
 * Validates an environment, its shape and the rules beyond it, and fills in its defaults.
 * @throws InvalidEnvironment naming all problems at once: the rules also run on what is readable of a wrong shape.
 */
export const defineEnvironment = (input: EnvironmentInput): Environment => {
  const result = environmentShape.safeParse(input);
  const shapeProblems = result.error?.issues.map((issue) => describeIssue(issue, environmentShape, input)) ?? [];
  const rest = result.data ?? (readable(() => salvage(environmentShape, input)) as Environment | undefined);
  const ruleProblems = rest ? findProblems(rest).map(({ path, message }) => `${pathText(path)}: ${message}`) : [];
  const problems = [...shapeProblems, ...ruleProblems];
  if (result.success && problems.length === 0) return result.data;
  throw new InvalidEnvironment(String((input as Partial<EnvironmentInput> | undefined)?.name ?? 'without a name'), problems);
};
