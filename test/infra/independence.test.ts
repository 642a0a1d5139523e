import { expect, it } from 'vitest';
import { needsSharedControlPlane } from '../../lab/drill/judge/shared-control-planes.ts';
import { synthesiseDemo, type Template } from './synth.ts';

const demo = synthesiseDemo();
const sites = [
  ['primary', demo.primary, 'us-east-1'],
  ['recovery', demo.recovery, 'us-west-2'],
  ['witness', demo.witness, 'us-east-2'],
] as const;

/** Every text in a template, with where it stands. */
const textsOf = (value: unknown, path = ''): [string, string][] => {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => textsOf(item, `${path}/${key}`));
};
const keysOf = (value: unknown): string[] =>
  typeof value !== 'object' || value === null ? [] : Object.entries(value).flatMap(([key, item]) => [key, ...keysOf(item)]);

const actionsOf = (template: Template): string[] =>
  Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Policy')
    .flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: { Action: string | string[] }[] }).Statement)
    .flatMap(({ Action }) => Action);

it.each(sites)('the stack of the %s needs no other stack and no other region to be known', (_, template) => {
  expect(keysOf(template.Resources)).not.toContain('Fn::ImportValue');
  const custom = Object.values(template.Resources).filter(({ Type }) => Type.startsWith('Custom::') || Type.includes('CustomResource'));
  expect(custom).toEqual([]);
  const late = textsOf(template.Resources).filter(([, text]) => text.includes('{{resolve:') || text.startsWith('/cdk/exports/'));
  expect(late).toEqual([]);
  const parameters = (template as { Parameters?: Record<string, unknown> }).Parameters ?? {};
  expect(Object.keys(parameters).filter((name) => name !== 'BootstrapVersion')).toEqual([]);
});

it.each(sites)('functions and machines of the %s name no endpoint, and no global one', (_, template, region) => {
  const hosts = textsOf(template.Resources).filter(([, text]) => /\.amazonaws\.com/.test(text));
  // A condition narrows a right: a replica of another region's writer is asked for through RDS there, too.
  const elsewhere = /\/(Principal|AssumeRolePolicyDocument|KeyPolicy|Condition)\//;
  const foreign = hosts.filter(([path, text]) => !elsewhere.test(path) && !text.includes(region));
  // The name of the service that a role trusts is no endpoint, and log delivery's principal none either.
  expect(foreign.filter(([, text]) => !/^[a-z.-]+\.amazonaws\.com$/.test(text))).toEqual([]);
  expect(textsOf(template.Resources).filter(([, text]) => /https?:\/\/(sts|iam|s3)\.amazonaws\.com/.test(text))).toEqual([]);
});

it.each(sites)('functions of the %s keep to the regional STS, whatever a user sets', (_, template) => {
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (Type !== 'AWS::Lambda::Function') continue;
    const variables = ((Properties.Environment as { Variables?: Record<string, unknown> })?.Variables ?? {}) as Record<string, unknown>;
    // The v3 SDK has no global STS endpoint unless it is asked for one.
    expect(variables.AWS_STS_REGIONAL_ENDPOINTS ?? 'regional').toBe('regional');
    expect(Object.keys(variables).filter((name) => name.startsWith('AWS_ENDPOINT_URL'))).toEqual([]);
  }
});

it.each(sites)('no role of the %s may call a control plane that all regions share', (_, template) => {
  // To pass a role is a right that another service asks for, and no call to IAM.
  const actions = actionsOf(template).filter((action) => action !== 'iam:PassRole');
  expect(actions.length).toBeGreaterThan(0);
  const shared = actions.map((action) => action.split(':') as [string, string]).filter((words) => needsSharedControlPlane(...words));
  expect(shared).toEqual([]);
});

it('only the DNS stack, which is deployed before any disaster, takes values from another stack: of its own region', () => {
  expect(keysOf(demo.dns.Resources)).toContain('Fn::ImportValue');
  expect(keysOf(demo.ledger.Resources)).not.toContain('Fn::ImportValue');
});

it.each(sites)('the machine of the %s calls functions of its own region, and no service directly', (_, template, region) => {
  const machines = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::StepFunctions::StateMachine');
  for (const { Properties } of machines) {
    const text = JSON.stringify(Properties.DefinitionString ?? Properties.DefinitionSubstitutions ?? '');
    expect(text.match(/arn:aws:(?!states:::)[a-z0-9-]+:(us-\w+-\d)/g) ?? []).not.toContainEqual(expect.not.stringContaining(region));
    expect(
      [...text.matchAll(/arn:aws:states:::([a-z0-9-]+):/g)].map((match) => match[1]).filter((service) => service !== 'lambda'),
    ).toEqual([]);
  }
});
