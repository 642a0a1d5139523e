import type { Right, UseOfRights } from '../iam/access.ts';

const keyOf = ({ functionName, action, resource }: Right): string => `${functionName}: ${action} on ${resource}`;

/** The same rights in words that do not depend on which environment was deployed: `lifeboat-demo-watch` becomes `lifeboat-<environment>-watch`. */
export function inAnyEnvironment({ used, unused }: UseOfRights, environment: string): UseOfRights {
  const word = new RegExp(`(-|")${environment}(?=-|")`, 'g');
  const general = ({ functionName, action, resource }: Right): Right => ({
    action,
    functionName: functionName.replace(word, '$1<environment>'),
    resource: resource.replace(word, '$1<environment>'),
  });
  return { used: used.map(general), unused: unused.map(general) };
}

/** The rights that some of several drills gave and none used: what one of them used has its reason. */
export function unusedInAll(drills: readonly UseOfRights[]): Right[] {
  const used = new Set(drills.flatMap((drill) => drill.used.map(keyOf)));
  const given = new Map(drills.flatMap((drill) => drill.unused.map((right) => [keyOf(right), right])));
  return [...given].flatMap(([key, right]) => (used.has(key) ? [] : [right]));
}

/** Lines for a person: a function with what it may do and never did. */
export const describeUnused = (rights: readonly Right[]): string[] => rights.map(keyOf).sort();
