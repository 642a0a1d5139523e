import type { UnusedRight } from '../iam/access.ts';

/** The rights that none of several drills used: what one of them used has its reason. */
export function unusedInAll(drills: readonly (readonly UnusedRight[])[]): UnusedRight[] {
  const [first = [], ...others] = drills;
  const key = (right: UnusedRight): string => JSON.stringify(right);
  return first.filter((right) => others.every((drill) => drill.some((other) => key(other) === key(right))));
}

/** Lines for a person: a function with what it may do and never did. */
export function describeUnused(rights: readonly UnusedRight[]): string[] {
  return rights.map(({ functionName, action, resource }) => `${functionName}: ${action} on ${resource}`).sort();
}
