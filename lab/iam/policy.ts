import { holds } from './conditions.ts';
import { matches } from './pattern.ts';

/** A statement of a role's policy, its references resolved. */
export interface Statement {
  effect: 'Allow' | 'Deny';
  actions: readonly string[];
  resources: readonly string[];
  conditions: Conditions;
}

/** Values by key by operator: `{StringLike: {'dynamodb:LeadingKeys': ['lease#*']}}`. */
export type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** One action on one resource, with what the request says about itself (condition keys). */
export interface AccessRequest {
  action: string;
  resource: string;
  context: Readonly<Record<string, readonly string[]>>;
}

export type Decision = { allowed: true; by: Statement } | { allowed: false };

/** IAM's evaluation of one identity-based policy: what is not allowed is denied, and an explicit denial wins. */
export function decide(statements: readonly Statement[], request: AccessRequest): Decision {
  const fitting = statements.filter(
    ({ actions, resources, conditions }) =>
      actions.some((pattern) => matches(pattern.toLowerCase(), request.action.toLowerCase())) &&
      resources.some((pattern) => matches(pattern, request.resource)) &&
      holds(conditions, request.context),
  );
  if (fitting.some(({ effect }) => effect === 'Deny')) return { allowed: false };
  const by = fitting.find(({ effect }) => effect === 'Allow');
  return by ? { allowed: true, by } : { allowed: false };
}
