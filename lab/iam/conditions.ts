import { matches } from './pattern.ts';
import type { Conditions } from './policy.ts';

type Test = (pattern: string, value: string) => boolean;

const OPERATORS: Readonly<Record<string, Test>> = {
  StringEquals: (pattern, value) => pattern === value,
  StringLike: matches,
  ArnEquals: matches,
  ArnLike: matches,
  Bool: (pattern, value) => pattern.toLowerCase() === value.toLowerCase(),
};

/** Do all conditions of a statement hold for a request? @throws Error for an operator that the lab does not know: no statement is guessed at. */
export function holds(conditions: Conditions, context: Readonly<Record<string, readonly string[]>>): boolean {
  return Object.entries(conditions).every(([operator, keys]) =>
    Object.entries(keys).every(([key, patterns]) => holdsFor(operator, patterns, context[key])),
  );
}

function holdsFor(name: string, patterns: readonly string[], values: readonly string[] | undefined): boolean {
  const { quantifier, operator, ifExists } = parse(name);
  const fits = (value: string) => patterns.some((pattern) => operator(pattern, value));
  if (quantifier === 'ForAllValues') return (values ?? []).every(fits); // true where the request has no such key, as on AWS
  if (values === undefined || values.length === 0) return ifExists;
  return values.some(fits);
}

function parse(name: string): { quantifier?: string; operator: Test; ifExists: boolean } {
  const [, quantifier, base = '', ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name) ?? [];
  const operator = OPERATORS[base];
  if (!operator) throw new Error(`The lab does not know the condition operator ${name}.`);
  return { quantifier, operator, ifExists: ifExists !== undefined };
}

/** The same check, when a policy is read rather than when it is needed first. */
export function requireKnown(conditions: Conditions): void {
  for (const operator of Object.keys(conditions)) parse(operator);
}
