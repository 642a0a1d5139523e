import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Accepts a finding of cdk-nag on one construct, with the reason that a reviewer reads. */
export const accept = (construct: IConstruct, rule: string, reason: string): void => {
  Validations.of(construct).acknowledge({ id: `AwsSolutions-${rule}`, reason });
};

/** Accepts a `*` in the policies of one construct. */
export const acceptWildcard = (construct: IConstruct, resource: string, reason: string): void =>
  accept(construct, `IAM5[Resource::${resource}]`, reason);
