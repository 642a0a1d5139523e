import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { afterAll, describe, expect, it } from 'vitest';
import { RoleSizeChecks } from '../../infra/role-size.ts';

const folder = mkdtempSync(join(tmpdir(), 'lifeboat-role-size-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A role that names so many databases, of which about 50 fill a managed policy. */
const synthesise = (databases: number, most: number) => {
  const app = new App({ outdir: mkdtempSync(join(folder, 'out-')) });
  const stack = new Stack(app, 'site');
  const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  for (let i = 0; i < databases; i += 1)
    role.addToPolicy(
      new PolicyStatement({ actions: [`rds:Modify${i}`], resources: [`arn:aws:rds:us-east-1:000000000000:db:orders-${i}-primary`] }),
    );
  Validations.of(app).addPlugins(new RoleSizeChecks(most));
  const { templateFullPath } = app.synth().getStackArtifact('site');
  return new RoleSizeChecks(most).validate({ templatePaths: [templateFullPath] });
};

describe('a role whose rights fill many managed policies', () => {
  it('is accepted as far as the quota goes', () => {
    expect(synthesise(200, 10)).toEqual({ success: true, violations: [] });
  });

  it('fails the synth beyond, and says what to do', () => {
    const refused = /The role needs [34] managed policies, and the account's quota is 2[\s\S]*quotas: \{ managedPoliciesPerRole: [34] \}/;
    expect(() => synthesise(200, 2)).toThrow(refused);
  });

  it('counts each role of a template by itself', () => {
    const template = join(folder, 'two.json');
    const policy = (role: string) => ({ Type: 'AWS::IAM::ManagedPolicy', Properties: { Roles: [{ Ref: role }] } });
    const policies = ['A', 'B'].flatMap((role) => Array.from({ length: 10 }, (_, i) => [`${role}${i}`, policy(role)]));
    writeFileSync(template, JSON.stringify({ Resources: { ...Object.fromEntries(policies), B11: policy('B') } }));
    expect(new RoleSizeChecks(10).validate({ templatePaths: [template] })).toMatchObject({
      success: false,
      violations: [{ violatingResources: [{ resourceLogicalId: 'B' }] }],
    });
  });
});
