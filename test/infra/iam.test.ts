import { describe, expect, it } from 'vitest';
import { rightsOf, statementsByRole } from './iam.ts';
import { ofType, synthesiseDemo } from './synth.ts';

const demo = synthesiseDemo();
const stacks = Object.entries(demo);

/** Every `*` in an allowed action's resource, and why it cannot be narrower. */
const wildcards: Record<string, string> = {
  'xray:PutTraceSegments *': 'X-Ray knows no resources',
  'xray:PutTelemetryRecords *': 'X-Ray knows no resources',
  'xray:GetSamplingRules *': 'X-Ray knows no resources',
  'xray:GetSamplingTargets *': 'X-Ray knows no resources',
  'logs:CreateLogDelivery *': 'log delivery of Step Functions knows no resources',
  'logs:GetLogDelivery *': 'log delivery of Step Functions knows no resources',
  'logs:UpdateLogDelivery *': 'log delivery of Step Functions knows no resources',
  'logs:DeleteLogDelivery *': 'log delivery of Step Functions knows no resources',
  'logs:ListLogDeliveries *': 'log delivery of Step Functions knows no resources',
  'logs:PutResourcePolicy *': 'log delivery of Step Functions knows no resources',
  'logs:DescribeResourcePolicies *': 'log delivery of Step Functions knows no resources',
  'logs:DescribeLogGroups *': 'log delivery of Step Functions knows no resources',
  'cloudwatch:PutMetricData *': 'knows no resources; held to the namespace Lifeboat by a condition',
  'kms:Decrypt arn:aws:kms:<region>:000000000000:key/*':
    "the secret's own key; held to these secrets, through Secrets Manager, by conditions",
  'kms:CreateGrant arn:aws:kms:<region>:000000000000:key/*': "a database's key is its owner's choice; held to RDS by a condition",
  'kms:DescribeKey arn:aws:kms:<region>:000000000000:key/*': "a database's key is its owner's choice; held to RDS by a condition",
  'rds:DescribeDBInstances arn:aws:rds:<region>:000000000000:db:<instance>-before-epoch-*': "a former writer's name ends with an epoch",
  'rds:ModifyDBInstance arn:aws:rds:<region>:000000000000:db:<instance>-before-epoch-*': "a former writer's name ends with an epoch",
  'rds:ModifyDBInstance arn:aws:rds:<region>:000000000000:pg:*': "the parameter group of the former writer is its owner's choice",
  'iam:PassRole arn:aws:iam::000000000000:role/*': "the role of an instance's monitoring is its owner's choice; held to RDS by a condition",
  'rds:CreateDBInstanceReadReplica arn:aws:rds:<region>:000000000000:og:*': 'RDS chooses the group and checks the right on it',
  'rds:CreateDBInstanceReadReplica arn:aws:rds:<region>:000000000000:pg:*': 'RDS chooses the group and checks the right on it',
  'rds:CreateDBInstanceReadReplica arn:aws:rds:<region>:000000000000:subgrp:*': 'RDS chooses the group and checks the right on it',
  'states:DescribeExecution arn:aws:states:<region>:000000000000:execution:lifeboat-demo-failover:*':
    'an execution is named when it is started',
  's3:PutObject arn:aws:s3:::lifeboat-demo-lost-rows-000000000000-<region>/*': "an object is named for its table, which is the workload's",
  's3:PutObject arn:aws:s3:::lifeboat-demo-evidence-000000000000-<region>/incidents/*': 'one object per incident',
};

const general = (text: string): string =>
  text.replaceAll(/us-(east|west)-\d/g, '<region>').replaceAll(/orders-(primary|replica)/g, '<instance>');

describe('rights', () => {
  it('hold a wildcard only where this list says why', () => {
    const found = new Set<string>();
    for (const [, template] of stacks) {
      for (const { Effect, Action, Resource } of [...statementsByRole(template).values()].flat()) {
        if (Effect !== 'Allow') continue;
        for (const action of Action) {
          expect(action).not.toContain('*');
          for (const resource of Resource) if (resource.includes('*')) found.add(`${action} ${general(resource)}`);
        }
      }
    }
    expect([...found].sort()).toEqual(Object.keys(wildcards).sort());
  });

  it.each(stacks)('%s uses no managed policy and no policy without its own role', (_, template) => {
    for (const [, { Properties }] of ofType(template, 'AWS::IAM::Role')) expect(Properties).not.toHaveProperty('ManagedPolicyArns');
    for (const [, { Properties }] of ofType(template, 'AWS::IAM::Policy')) expect(Properties.Roles).toHaveLength(1);
  });

  it('reach into other regions only to read observations, to observe from the witness, to ask for a pledge, and to replicate from a writer', () => {
    const foreign = (kind: 'primary' | 'recovery' | 'witness', own: string) =>
      [...statementsByRole(demo[kind]).values()]
        .flat()
        .flatMap(({ Action, Resource }) => Action.flatMap((action) => Resource.map((resource) => [action, resource] as const)))
        .filter(([, resource]) => /:us-\w+-\d:/.test(resource) && !resource.includes(`:${own}:`))
        .map(([action, resource]) => `${action} ${general(resource)}`);
    const observations = ['dynamodb:GetItem', 'dynamodb:Query'].map(
      (action) => `${action} arn:aws:dynamodb:<region>:000000000000:table/lifeboat-demo-observations`,
    );
    const pledge = 'dynamodb:UpdateItem arn:aws:dynamodb:<region>:000000000000:table/lifeboat-demo-observations';
    const replicate = 'rds:CreateDBInstanceReadReplica arn:aws:rds:<region>:000000000000:db:<instance>';
    const keys = ['kms:CreateGrant', 'kms:DescribeKey'].map((action) => `${action} arn:aws:kms:<region>:000000000000:key/*`);
    const expected = [...observations, pledge, ...keys, replicate];
    expect([...new Set(foreign('primary', 'us-east-1'))].sort()).toEqual(expected);
    expect([...new Set(foreign('recovery', 'us-west-2'))].sort()).toEqual(expected);
    const ledger = 'dynamodb:GetItem arn:aws:dynamodb:<region>:000000000000:table/lifeboat-demo-ledger';
    expect([...new Set(foreign('witness', 'us-east-2'))].sort()).toEqual([ledger, ...observations]);
  });

  it('to the lease are held by those who move it', () => {
    const writers = ofType(demo.recovery, 'AWS::Lambda::Function')
      .map(([, { Properties }]) => String(Properties.FunctionName))
      .filter((name) =>
        rightsOf(demo.recovery, name).some((right) => right.startsWith('dynamodb:UpdateItem') && right.includes('lease#*')),
      );
    expect(writers.map((name) => name.replace('lifeboat-demo-', '')).sort()).toEqual([
      'abort-incident',
      'close-incident',
      'fence-writer',
      'open-incident',
      'reconcile-site',
      'shift-traffic',
      'take-lease',
      'watch',
    ]); // prettier-ignore
  });

  it("to a pledge: the guard asks the other site's, the take ends its own, and neither may write anything else there", () => {
    const pledges = (step: string) => rightsOf(demo.recovery, `lifeboat-demo-${step}`).filter((right) => right.includes('pledge#'));
    const condition = '{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["pledge#*"]}}';
    const table = (region: string) => `arn:aws:dynamodb:${region}:000000000000:table/lifeboat-demo-observations`;
    expect(pledges('watch')).toEqual([`dynamodb:UpdateItem on ${table('us-east-1')} ${condition}`]);
    expect(pledges('take-lease')).toEqual(
      ['GetItem', 'UpdateItem'].map((action) => `dynamodb:${action} on ${table('us-west-2')} ${condition}`),
    );
  });

  it('to promote are held by one step', () => {
    const holders = [...statementsByRole(demo.recovery)].filter(([, statements]) =>
      statements.some(({ Action }) => Action.includes('rds:PromoteReadReplica')),
    );
    expect(holders).toHaveLength(1);
    expect(rightsOf(demo.recovery, 'lifeboat-demo-promote-database')).toContain(
      'rds:PromoteReadReplica on arn:aws:rds:us-west-2:000000000000:db:orders-replica',
    );
  });

  it('of the beacon are to read leases', () => {
    expect(rightsOf(demo.recovery, 'lifeboat-demo-answer-beacon')).toEqual([
      'dynamodb:GetItem on arn:aws:dynamodb:us-west-2:000000000000:table/lifeboat-demo-ledger {"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["lease#*"]}}',
    ]);
  });

  it('never delete', () => {
    const actions = stacks.flatMap(([, template]) => [...statementsByRole(template).values()].flat().flatMap(({ Action }) => Action));
    expect([...new Set(actions)].filter((action) => /Delete|Terminate|Remove/.test(action) && action !== 'logs:DeleteLogDelivery')).toEqual(
      [],
    );
  });
});
