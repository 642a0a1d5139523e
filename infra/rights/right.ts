import { Effect, PolicyStatement, type PolicyStatementProps } from 'aws-cdk-lib/aws-iam';

/** What a step may do, and why each `*` in it cannot be narrower. A `*` without a reason fails the synth. */
export interface Right {
  statement: PolicyStatement;
  /** Reason by resource that holds a `*`. */
  wildcards: Record<string, string>;
}

export const allow = (props: PolicyStatementProps, wildcards: Record<string, string> = {}): Right => ({
  statement: new PolicyStatement({ effect: Effect.ALLOW, ...props }),
  wildcards,
});

/**
 * Resources of one statement, in characters. A managed policy takes 6,144 characters (IAM user guide, 'IAM and AWS STS quotas'): CDK spreads a role's
 * statements over several, but splits none. Small ones leave little room unused.
 */
const MOST_CHARACTERS = 2_000;

/** A statement that names many resources as several that name some each: the same right. */
export const inParts = (statement: PolicyStatement): PolicyStatement[] => {
  const parts: string[][] = [[]];
  let room = MOST_CHARACTERS;
  for (const resource of statement.resources) {
    room -= resource.length;
    if (room < 0) {
      parts.push([]);
      room = MOST_CHARACTERS - resource.length;
    }
    parts.at(-1)!.push(resource);
  }
  return parts.length === 1 ? [statement] : parts.map((resources) => statement.copy({ resources }));
};

export const unique = (values: string[]): string[] => [...new Set(values)];
