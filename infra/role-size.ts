import { readFileSync } from 'node:fs';
import type { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport, PolicyViolation } from 'aws-cdk-lib';

const RULE = 'managed-policies-per-role';

/** The part of a template that is read here. */
interface Resources {
  Resources?: Record<string, { Type: string; Properties?: { Roles?: { Ref?: string }[] } }>;
}

/**
 * Fails the synth of an environment with a role to which IAM would not attach all its policies: CDK spreads a role's rights over as many as they
 * need, and the deployment would end half-way. `most` is the environment's `quotas.managedPoliciesPerRole`.
 */
export class RoleSizeChecks implements IPolicyValidationPlugin {
  readonly name = 'lifeboat-role-size';
  readonly ruleIds = [RULE];

  constructor(private readonly most: number) {}

  validate({ templatePaths }: Pick<IPolicyValidationContext, 'templatePaths'>): PolicyValidationPluginReport {
    const violations = templatePaths.flatMap((path) => this.oversized(path));
    return { success: violations.length === 0, violations };
  }

  private oversized(templatePath: string): PolicyViolation[] {
    const { Resources = {} } = JSON.parse(readFileSync(templatePath, 'utf8')) as Resources;
    const attached = new Map<string, number>();
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type !== 'AWS::IAM::ManagedPolicy') continue;
      for (const { Ref = '' } of Properties?.Roles ?? []) attached.set(Ref, (attached.get(Ref) ?? 0) + 1);
    }
    const { most } = this;
    return [...attached]
      .filter(([, count]) => count > most)
      .map(([resourceLogicalId, count]) => ({
        ruleName: RULE,
        severity: 'fatal',
        description: `The role needs ${count} managed policies, and the account's quota is ${most}: too many databases for one environment.`,
        fix:
          "Have the quota 'Managed policies per role' of IAM raised and write it into the environment, quotas: { managedPoliciesPerRole: " +
          `${count} }, or make two environments of it.`,
        violatingResources: [{ resourceLogicalId, templatePath, locations: ['Properties/Roles'] }],
      }));
  }
}
