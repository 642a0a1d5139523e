import type { Stack } from '../deploy/assembly.ts';
import type { AwsCall } from '../types.ts';
import { type Knowledge, type Need, needsOf } from './needs.ts';
import { matches } from './pattern.ts';
import { decide, type Statement } from './policy.ts';
import { type FunctionRole, factsOf } from './roles.ts';

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
  private readonly known: Knowledge;
  private readonly used = new Set<string>();

  constructor(stacks: readonly Stack[], account: string, tagsOf?: Knowledge['tagsOf']) {
    const facts = stacks.map((stack) => factsOf(stack, account));
    for (const role of facts.flatMap(({ roles }) => roles)) this.roles.set(keyOf(role.region, role.functionName), role);
    this.known = {
      account,
      partitionKeys: new Map(facts.flatMap(({ partitionKeys }) => [...partitionKeys])),
      keys: new Map(facts.flatMap(({ keys }) => [...keys])),
      aliases: new Map(facts.flatMap(({ aliases }) => [...aliases])),
      waitingMachines: new Map(
        stacks.map(({ region }) => [
          region,
          facts.flatMap(({ waitingMachines }) => waitingMachines).filter((arn) => arn.includes(`:${region}:`)),
        ]),
      ),
      tagsOf,
    };
  }

  /** Nothing for a caller who is no function of the deployment. A function of one region has the role of that region. */
  judge(call: AwsCall): Access | undefined {
    const role = this.roles.get(keyOf(call.source, call.principal));
    if (!role) return undefined;
    const needs = needsOf(call, this.known);
    if (!needs)
      return { denied: `${call.principal}: the lab does not know what right ${call.service} ${call.action} needs (lab/iam/needs.ts)` };
    const [first] = needs;
    const missing = needs.map((need) => this.missing(role, need)).find((why) => why !== undefined);
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

  private missing(role: FunctionRole, { action, resources, context }: Need): string | undefined {
    for (const resource of resources) {
      const decision = decide(role.statements, { action, resource, context });
      if (!decision.allowed) return `${role.functionName} in ${role.region} may not ${action} on ${resource}${told(context)}`;
      for (const pattern of decision.by.resources) {
        if (matches(pattern, resource)) this.used.add(JSON.stringify(rightOf(role, decision.by, action, pattern)));
      }
    }
    return undefined;
  }
}

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
