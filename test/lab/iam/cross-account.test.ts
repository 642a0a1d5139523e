import { describe, expect, it } from 'vitest';
import type { Stack } from '../../../lab/deploy/assembly.ts';
import { AccessControl } from '../../../lab/iam/access.ts';
import type { AwsCall } from '../../../lab/types.ts';

const OWN = '000000000000';
const VAULT = '111111111111';
const REGION = 'us-east-1';
const ROLE = `arn:aws:iam::${VAULT}:role/vault`;
const COPIER = `arn:aws:iam::${OWN}:role/copier`;
const arnOf = (account: string, name: string) => `arn:aws:rds:${REGION}:${account}:snapshot:${name}`;
const root = (account: string) => ({ AWS: { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${account}:root`]] } });
const throughRds = { StringEquals: { 'kms:ViaService': `rds.${REGION}.amazonaws.com` } };
const allow = (Action: string | string[], Resource: string | string[], Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  Condition,
});
const keyActions = ['kms:Decrypt', 'kms:DescribeKey', 'kms:CreateGrant'];

const stackOf = (resources: object): Stack => ({
  id: 's',
  name: 's',
  region: REGION,
  templateFile: '',
  template: { Resources: resources as never },
});
const policy = (role: string, ...Statement: object[]) => ({
  Type: 'AWS::IAM::Policy',
  Properties: { Roles: [{ Ref: role }], PolicyDocument: { Statement } },
});
const key = (alias: string, ...Statement: object[]) => ({
  Key: { Type: 'AWS::KMS::Key', Properties: { KeyPolicy: { Statement } } },
  Alias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: alias, TargetKeyId: { 'Fn::GetAtt': ['Key', 'Arn'] } } },
});

/** A function that may take on the vault's role; a key whose policy lets that role read, or whoever is named. */
const own = (reader = ROLE) =>
  stackOf({
    Role: { Type: 'AWS::IAM::Role', Properties: { RoleName: 'copier' } },
    Rights: policy('Role', allow('sts:AssumeRole', ROLE)),
    Other: { Type: 'AWS::IAM::Role', Properties: {} },
    OtherRights: policy('Other', allow('sts:AssumeRole', ROLE)),
    Copier: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 'copier', Role: { 'Fn::GetAtt': ['Role', 'Arn'] } } },
    Intruder: { Type: 'AWS::Lambda::Function', Properties: { FunctionName: 'intruder', Role: { 'Fn::GetAtt': ['Other', 'Arn'] } } },
    ...key('alias/own', {
      ...allow(keyActions, '*', { ...throughRds, ArnEquals: { 'aws:PrincipalArn': reader } }),
      Principal: root(VAULT),
    }),
  });

/** The other account: a role that one function is trusted with, and a key that lets the first account read. */
const vault = (...back: object[]) =>
  stackOf({
    Role: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: 'vault',
        AssumeRolePolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Action: 'sts:AssumeRole',
              Principal: root(OWN),
              Condition: { StringEquals: { 'sts:ExternalId': 'word' }, ArnEquals: { 'aws:PrincipalArn': [COPIER] } },
            },
          ],
        },
      },
    },
    Rights: policy(
      'Role',
      allow('rds:CopyDBSnapshot', [arnOf(OWN, 'lifeboat-*'), arnOf(VAULT, 'lifeboat-*')]),
      allow(keyActions, `arn:aws:kms:${REGION}:${OWN}:key/*`, throughRds),
      allow(['kms:DescribeKey', 'kms:CreateGrant'], `arn:aws:kms:${REGION}:${VAULT}:key/*`, {
        ...throughRds,
        'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/vault' },
      }),
    ),
    ...key('alias/vault', ...back),
  });

const controlOf = (ownStack: Stack, vaultStack: Stack): AccessControl => {
  const control = new AccessControl([ownStack], OWN, { keyOf: (snapshot) => (snapshot.includes(OWN) ? 'alias/own' : 'alias/vault') });
  control.add([vaultStack], VAULT);
  return control;
};

const call = (service: string, action: string, form: Record<string, string>, by: Partial<AwsCall>): AwsCall => ({
  ...{ id: 1, at: 0, source: REGION, region: REGION, method: 'POST', path: '/', principal: '' },
  ...{ service, action, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
  body: Buffer.from(new URLSearchParams(form).toString()),
  ...by,
});

describe('a role of another account', () => {
  const take = (principal: string, ExternalId = 'word') =>
    controlOf(own(), vault()).judge(call('sts', 'AssumeRole', { RoleArn: ROLE, ExternalId }, { principal }))?.denied;

  it('is taken on by whom its trust policy names, with the word that was agreed', () => {
    expect(take('copier')).toBeUndefined();
    expect(take('copier', 'other')).toContain(`the policy of ${ROLE} does not let ${COPIER} sts:AssumeRole`);
    expect(take('intruder')).toContain('does not let');
    expect(take('operator')).toContain(`does not let arn:aws:iam::${OWN}:user/operator`);
  });

  it('is taken on by nobody before it is deployed', () => {
    const early = new AccessControl([own()], OWN);
    expect(early.judge(call('sts', 'AssumeRole', { RoleArn: ROLE, ExternalId: 'word' }, { principal: 'copier' }))?.denied).toBe(
      `there is no role ${ROLE}`,
    );
  });

  const copy = (form: Record<string, string> = {}, ownStack = own()) =>
    controlOf(ownStack, vault()).judge(
      call(
        'rds',
        'CopyDBSnapshot',
        {
          SourceDBSnapshotIdentifier: arnOf(OWN, 'lifeboat-1'),
          TargetDBSnapshotIdentifier: 'lifeboat-1',
          KmsKeyId: 'alias/vault',
          ...form,
        },
        { principal: ROLE, account: VAULT },
      ),
    )?.denied;

  it("is held to its own rights, in its own account's names, and to the key that they name by alias", () => {
    expect(copy()).toBeUndefined();
    expect(copy({ TargetDBSnapshotIdentifier: 'theirs' })).toContain(`may not rds:CopyDBSnapshot on ${arnOf(VAULT, 'theirs')}`);
    expect(copy({ KmsKeyId: 'alias/other' })).toContain('may not kms:DescribeKey');
  });

  it('reads what lies under a key of the other account only as far as the policy of that key lets it', () => {
    expect(copy({}, own(`${ROLE}-other`))).toContain(`does not let ${ROLE} kms:DescribeKey`);
  });
});

describe('a person who copies back what another account shares', () => {
  const back = (...statements: object[]) =>
    controlOf(own(), vault(...statements)).judge(
      call(
        'rds',
        'CopyDBSnapshot',
        { SourceDBSnapshotIdentifier: arnOf(VAULT, 'lifeboat-1'), TargetDBSnapshotIdentifier: 'lifeboat-1', KmsKeyId: 'alias/own' },
        { principal: 'operator' },
      ),
    )?.denied;

  it("needs the word of that account's key, whatever his own account lets him do", () => {
    expect(back({ ...allow(keyActions, '*', throughRds), Principal: root(OWN) })).toBeUndefined();
    expect(back({ ...allow(keyActions, '*', throughRds), Principal: root(VAULT) })).toContain('kms:DescribeKey');
  });
});
