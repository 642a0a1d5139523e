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

export const unique = (values: string[]): string[] => [...new Set(values)];
