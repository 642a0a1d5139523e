import { describe, expect, it } from 'vitest';
import demoBackup from '../../environments/demo-backup.ts';
import type { Environment } from '../../environments/schema.ts';
import { ofType, synthesiseAll, type Template } from './synth.ts';

const WORKLOADS = 50;
const DATABASES = 150;
/** AWS, CloudFormation quotas: resources of a template, and its size in an S3 object. */
const MOST_RESOURCES = 500;
const MOST_BYTES = 1_000_000;
/** AWS, IAM quotas: characters of a managed policy and of a role's inline policies, and managed policies of a role unless it was raised. */
const MOST_MANAGED = 6_144;
const MOST_INLINE = 10_240;
const MOST_POLICIES = 10;

/** Many workloads of three databases each, with everything that the demo has. */
const fleet = (): Environment => {
  const [workload] = demoBackup.workloads;
  const [database] = workload!.databases;
  const workloads = Array.from({ length: WORKLOADS }, (_, i) => ({
    ...workload!,
    name: `orders-${i}`,
    databases: Array.from({ length: DATABASES / WORKLOADS }, (_, j) => ({
      ...database!,
      name: `orders-${j}`,
      instances: { primary: `orders-${i}-${j}-primary`, recovery: `orders-${i}-${j}-replica` },
    })),
    endpoint: { ...workload!.endpoint!, publicName: `orders-${i}.demo.example.com` },
  }));
  return { ...demoBackup, name: 'fleet', workloads };
};

describe(`an environment of ${WORKLOADS} workloads and ${DATABASES} databases`, () => {
  const stacks = synthesiseAll(fleet());

  it('is stacks that CloudFormation takes, one more in each site for each workload', () => {
    expect(stacks.size).toBe(5 + 2 * WORKLOADS);
    for (const [name, template] of stacks) {
      expect(Object.keys(template.Resources).length, name).toBeLessThanOrEqual(MOST_RESOURCES);
      expect(JSON.stringify(template).length, name).toBeLessThanOrEqual(MOST_BYTES);
    }
  });

  it('has roles whose policies IAM takes, without a quota raised', () => {
    for (const [name, template] of stacks) {
      for (const [id, length] of policiesOf(template, 'AWS::IAM::Policy')) expect(length, `${name} ${id}`).toBeLessThanOrEqual(MOST_INLINE);
      const managed = policiesOf(template, 'AWS::IAM::ManagedPolicy');
      for (const [id, length] of managed) expect(length, `${name} ${id}`).toBeLessThanOrEqual(MOST_MANAGED);
      const roles = ofType(template, 'AWS::IAM::ManagedPolicy').map(([, { Properties }]) => JSON.stringify(Properties.Roles));
      for (const role of new Set(roles))
        expect(roles.filter((one) => one === role).length, `${name} ${role}`).toBeLessThanOrEqual(MOST_POLICIES);
    }
  });
});

const policiesOf = (template: Template, type: string): [string, number][] =>
  ofType(template, type).map(([id, { Properties }]) => [id, JSON.stringify(Properties.PolicyDocument).length]);
