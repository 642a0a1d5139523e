import type { Stack } from '../deploy/assembly.ts';
import type { AwsCall } from '../types.ts';
import { type Knowledge, type Need, needsOf } from './needs.ts';
import { matches } from './pattern.ts';
import { decide, type Statement } from './policy.ts';
import { type Caller, type FunctionRole, factsOf, type NamedRole, type PrincipalStatement } from './roles.ts';

/** What is known of a function's call before it is answered. */
export interface Access {
  /** The first resource that the request names, as an ARN. */
  resource?: string;
  /** Partition keys of a DynamoDB request. */
  keys?: readonly string[];
  /** Why the role does not allow the call. */
  denied?: string;
}

/** A right in words that are the same in every region. */
export interface Right {
  functionName: string;
  action: string;
  resource: string;
}

/** The rights to change something that a deployment gave: those that a call used, and the others. */
export interface UseOfRights {
  used: readonly Right[];
  unused: readonly Right[];
}

/** Actions that change nothing; those of KMS only ever serve another action. */
const READS = /:(Describe|Get|List|Query|Scan|BatchGet|Head)|^kms:/;
/** What Lambda itself does with a function's role: logs, traces, network interfaces. */
const LAMBDAS_OWN = /^(logs|xray):|^ec2:\w*NetworkInterface|^ec2:DescribeSubnets$/;

/**
 * IAM for the functions that a deployment made: decides each of their calls by the role that the synthesised template gives them, and
 * keeps which rights were used. Who is no function of the deployment is not judged.
 */
export class AccessControl {
  private readonly roles = new Map<string, FunctionRole>();
  /** Those with a name, by ARN: other accounts' functions may take them on. */
  private readonly namedRoles = new Map<string, NamedRole>();
  private readonly keyPolicies = new Map<string, readonly PrincipalStatement[]>();
  private readonly known;
  private readonly used = new Set<string>();

  constructor(stacks: readonly Stack[], account: string, rds: Pick<Knowledge, 'tagsOf' | 'keyOf'> = {}) {
    const partitionKeys = new Map<string, string>();
    const keys = new Map<string, string>();
    const aliases = new Map<string, string>();
    const waitingMachines = new Map<string, string[]>();
    this.known = { account, partitionKeys, keys, aliases, waitingMachines, ...rds };
    this.add(stacks, account);
  }

  /** Stacks of the same or another account. */
  add(stacks: readonly Stack[], account: string): void {
    const { partitionKeys, keys, aliases, waitingMachines } = this.known;
    for (const stack of stacks) {
      const facts = factsOf(stack, account);
      for (const role of facts.roles) this.roles.set(keyOf(role.region, role.functionName), role);
      for (const role of facts.namedRoles) this.namedRoles.set(role.arn, role);
      for (const [arn, policy] of facts.keyPolicies) this.keyPolicies.set(arn, policy);
      for (const [name, key] of facts.partitionKeys) partitionKeys.set(name, key);
      for (const [arn, key] of facts.keys) keys.set(arn, key);
      for (const [alias, key] of facts.aliases) aliases.set(alias, key);
      waitingMachines.set(stack.region, [...(waitingMachines.get(stack.region) ?? []), ...facts.waitingMachines]);
    }
  }

  /**
   * Nothing for a caller who is neither a function of the deployment nor has taken on one of its roles, unless he wants something of another
   * account. A function of one region has the role of that region.
   */
  judge(call: AwsCall): Access | undefined {
    const role = this.roles.get(keyOf(call.source, call.principal)) ?? this.namedRoles.get(call.principal);
    if (!role) return this.judgePerson(call);
    const needs = needsOf(call, this.known);
    if (!needs)
      return { denied: `${call.principal}: the lab does not know what right ${call.service} ${call.action} needs (lab/iam/needs.ts)` };
    const [first] = needs;
    const missing = needs.map((need) => this.missing(role, need) ?? this.foreign(role, need, call)).find((why) => why !== undefined);
    return { resource: first?.resources[0], keys: first?.context['dynamodb:LeadingKeys'], denied: missing };
  }

  /** Which of the allowed actions that change something a call has used, in any region. */
  useOfRights(): UseOfRights {
    const given = [...this.roles.values()].flatMap((role) =>
      role.statements.flatMap((statement) =>
        statement.effect === 'Deny' || statement.resources.every((resource) => role.destinations.includes(resource))
          ? []
          : changing(statement).flatMap((action) => statement.resources.map((resource) => rightOf(role, statement, action, resource))),
      ),
    );
    const rights = [...new Map(given.map((right) => [JSON.stringify(right), right]))];
    const ofUse = (isUsed: boolean) => rights.flatMap(([key, right]) => (this.used.has(key) === isUsed ? [right] : []));
    return { used: ofUse(true), unused: ofUse(false) };
  }

  /** His own account lets a person do all; another account's roles and keys have a word of their own. */
  private judgePerson(call: AwsCall): Access | undefined {
    const { account = this.known.account, principal, service } = call;
    if (service !== 'rds' && service !== 'sts') return undefined;
    const person = { account, arn: `arn:aws:iam::${account}:user/${principal}` };
    const denied = needsOf(call, this.known)
      ?.map((need) => this.foreign(person, need, call))
      .find((why) => why !== undefined);
    return denied === undefined ? undefined : { denied };
  }

  /** What another account's policy has to allow as well: a key's for its use, a role's for taking it on. */
  private foreign({ arn, account }: Caller, { action, resources, context }: Need, call: AwsCall): string | undefined {
    for (const resource of resources) {
      if (resource.split(':')[4] === account) continue;
      const takesRole = action === 'sts:AssumeRole';
      if (takesRole && !this.namedRoles.has(resource)) return `there is no role ${resource}`;
      const policy = takesRole ? this.namedRoles.get(resource)?.trust : this.keyPolicies.get(resource);
      if (!policy) continue;
      const externalId = new URLSearchParams(call.body.toString('utf8')).get('ExternalId');
      const about = { ...context, 'aws:PrincipalArn': [arn], ...(externalId && { 'sts:ExternalId': [externalId] }) };
      const naming = policy.filter(({ accounts }) => accounts.includes(account));
      if (!decide(naming, { action, resource, context: about }).allowed)
        return `the policy of ${resource} does not let ${arn} ${action}${told(about)}`;
    }
    return undefined;
  }

  private missing(role: FunctionRole | NamedRole, { action, resources, context }: Need): string | undefined {
    for (const resource of resources) {
      const decision = decide(role.statements, { action, resource, context });
      if (!decision.allowed) return `${nameOf(role)} may not ${action} on ${resource}${told(context)}`;
      if (!('functionName' in role)) continue;
      for (const pattern of decision.by.resources) {
        if (matches(pattern, resource)) this.used.add(JSON.stringify(rightOf(role, decision.by, action, pattern)));
      }
    }
    return undefined;
  }
}

const nameOf = (role: FunctionRole | NamedRole): string => ('functionName' in role ? `${role.functionName} in ${role.region}` : role.arn);

const keyOf = (region: string, functionName: string): string => `${region}/${functionName}`;

const changing = ({ actions }: Statement): string[] => actions.filter((action) => !READS.test(action) && !LAMBDAS_OWN.test(action));

function rightOf({ functionName, region }: FunctionRole, { conditions }: Statement, action: string, resource: string): Right {
  const under = Object.keys(conditions).length > 0 ? ` ${JSON.stringify(conditions)}` : '';
  return { functionName, action, resource: `${resource}${under}`.replaceAll(region, '<region>') };
}

const told = (context: Need['context']): string => {
  const entries = Object.entries(context).map(([key, values]) => `${key} ${values.join(', ')}`);
  return entries.length > 0 ? ` (${entries.join('; ')})` : '';
};
