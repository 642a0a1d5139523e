import { describe, expect, it } from 'vitest';
import type { Stack } from '../../../lab/deploy/assembly.ts';
import { AccessControl } from '../../../lab/iam/access.ts';
import type { AwsCall } from '../../../lab/types.ts';

const ACCOUNT = '000000000000';
const json = { 'content-type': 'application/x-amz-json-1.0' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** A stack of one function whose role holds these statements, a table, an encrypted topic and a queue for what fails. */
const stackOf = (region: string, statements: object[]): Stack => ({
  id: region,
  name: region,
  region,
  templateFile: '',
  template: {
    Resources: {
      Role: { Type: 'AWS::IAM::Role' },
      Policy: { Type: 'AWS::IAM::Policy', Properties: { Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement: statements } } },
      Other: {
        Type: 'AWS::IAM::Policy',
        Properties: {
          Roles: [{ Ref: 'OtherRole' }],
          PolicyDocument: { Statement: [{ Effect: 'Allow', Action: 'rds:PromoteReadReplica', Resource: '*' }] },
        },
      },
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          FunctionName: 'step',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          Environment: { 'Fn::Select': [2, ['only at run time']] },
        },
      },
      OnFailure: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: {
          FunctionName: { Ref: 'Function' },
          DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['Queue', 'Arn'] } } },
        },
      },
      Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'failures' } },
      Key: { Type: 'AWS::KMS::Key' },
      Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'news', KmsMasterKeyId: { 'Fn::GetAtt': ['Key', 'Arn'] } } },
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: { TableName: 'ledger', KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }] },
      },
    },
  },
});

const call = (service: string, action: string, body: object | string, over: Partial<AwsCall> = {}): AwsCall => ({
  id: 1,
  at: 0,
  source: 'us-east-1',
  region: 'us-east-1',
  service,
  action,
  principal: 'step',
  method: 'POST',
  path: '/',
  headers: typeof body === 'string' ? form : json,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  ...over,
});

const allow = (Action: string | string[], Resource: unknown, Condition?: object) => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...(Condition && { Condition }),
});
const table = 'arn:aws:dynamodb:us-east-1:000000000000:table/ledger';
const leases = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['lease#*'] } };
const controlled = (...statements: object[]) => new AccessControl([stackOf('us-east-1', statements)], ACCOUNT);
const deniedBy = (statements: object[], request: AwsCall) => controlled(...statements).judge(request)?.denied;

describe('a function', () => {
  const update = (pk: string) => call('dynamodb', 'UpdateItem', { TableName: 'ledger', Key: { pk: { S: pk }, sk: { S: 'x' } } });

  it('may do what its role allows, under its conditions, and nothing else', () => {
    const rights = [allow(['dynamodb:UpdateItem'], table, leases)];
    expect(controlled(...rights).judge(update('lease#orders'))).toEqual({ resource: table, keys: ['lease#orders'], denied: undefined });
    expect(deniedBy(rights, update('incident#1'))).toBe(
      `step in us-east-1 may not dynamodb:UpdateItem on ${table} (dynamodb:LeadingKeys incident#1)`,
    );
    expect(deniedBy(rights, call('dynamodb', 'GetItem', { TableName: 'ledger', Key: { pk: { S: 'lease#a' } } }))).toContain(
      'may not dynamodb:GetItem',
    );
    expect(deniedBy(rights, call('dynamodb', 'UpdateItem', { TableName: 'ledger2', Key: { pk: { S: 'lease#a' } } }))).toContain(
      'table/ledger2',
    );
  });

  it('is held to the partition key of a query', () => {
    const query = (pk: string) =>
      call('dynamodb', 'Query', {
        TableName: 'ledger',
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :p)',
        ExpressionAttributeValues: { ':pk': { S: pk } },
      });
    const rights = [allow('dynamodb:Query', table, leases)];
    expect(deniedBy(rights, query('lease#orders'))).toBeUndefined();
    expect(deniedBy(rights, query('incident#1'))).toContain('incident#1');
  });

  it("has its own region's role, and no other function's", () => {
    const rights = [allow('rds:PromoteReadReplica', 'arn:aws:rds:us-east-1:000000000000:db:orders')];
    const promote = (id: string) => call('rds', 'PromoteReadReplica', `Action=PromoteReadReplica&DBInstanceIdentifier=${id}`);
    expect(deniedBy(rights, promote('orders'))).toBeUndefined();
    expect(deniedBy(rights, promote('payroll'))).toContain('db:payroll');
    expect(controlled(...rights).judge({ ...promote('orders'), source: 'us-west-2' })).toBeUndefined();
    expect(controlled(...rights).judge({ ...promote('payroll'), principal: 'operator' })).toBeUndefined();
  });

  it('needs what the service asks for in its name, too', () => {
    const publish = call('sns', 'Publish', 'Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Anews');
    const topic = allow('sns:Publish', { Ref: 'Topic' });
    expect(deniedBy([topic], publish)).toContain('may not kms:GenerateDataKey on arn:aws:kms:us-east-1:000000000000:key/Key');
    expect(deniedBy([topic, allow(['kms:GenerateDataKey', 'kms:Decrypt'], { 'Fn::GetAtt': ['Key', 'Arn'] })], publish)).toBeUndefined();
  });

  it('needs rights on both ends of a replica, and on the key of its choice', () => {
    const source = 'arn:aws:rds:us-west-2:000000000000:db:orders-replica';
    const create = (more = '') =>
      call(
        'rds',
        'CreateDBInstanceReadReplica',
        `DBInstanceIdentifier=orders&SourceDBInstanceIdentifier=${encodeURIComponent(source)}${more}`,
      );
    const own = 'arn:aws:rds:us-east-1:000000000000:db:orders';
    expect(deniedBy([allow('rds:CreateDBInstanceReadReplica', own)], create())).toContain(source);
    const both = allow('rds:CreateDBInstanceReadReplica', [own, source]);
    expect(deniedBy([both], create())).toBeUndefined();
    expect(deniedBy([both], create('&KmsKeyId=arn%3Aaws%3Akms%3Aus-east-1%3A000000000000%3Akey%2Fk'))).toContain('kms:DescribeKey');
  });

  it('needs rights on an instance and on its backup to have that replicated, in whichever region RDS asks', () => {
    const action = 'StartDBInstanceAutomatedBackupsReplication';
    const source = 'arn:aws:rds:us-west-2:000000000000:db:orders-replica';
    const backups = ['arn:aws:rds:us-east-1:000000000000:auto-backup:*', 'arn:aws:rds:us-west-2:000000000000:auto-backup:*'];
    const start = call('rds', action, `Action=${action}&SourceDBInstanceArn=${encodeURIComponent(source)}`);
    const denied = (...resources: string[]) => deniedBy([allow(`rds:${action}`, resources)], start);
    expect(denied(source)).toContain('us-east-1:000000000000:auto-backup:ab-');
    expect(denied(source, backups[0]!)).toContain('us-west-2:000000000000:auto-backup:ab-');
    expect(denied(...backups)).toContain(source);
    expect(denied(source, ...backups)).toBeUndefined();
  });

  it('is held to the tags of each resource for itself, and a condition on one that may be missing passes what is yet to be made', () => {
    const arn = (id: string) => `arn:aws:rds:us-east-1:000000000000:snapshot:lifeboat-prod-${id}`;
    const tags: Record<string, string> = { [arn('own')]: 'prod', [arn('eu-foreign')]: 'prod-eu' };
    const tagsOf = (of: string) => (tags[of] === undefined ? undefined : new Map([['lifeboat:environment', tags[of]]]));
    const denied = (action: string, source: string, operator: string) => {
      const statement = allow([`rds:${action}`, 'rds:AddTagsToResource'], arn('*'), {
        [operator]: { 'aws:ResourceTag/lifeboat:environment': 'prod' },
      });
      const named = { SourceDBSnapshotIdentifier: arn(source), TargetDBSnapshotIdentifier: 'lifeboat-prod-new', 'Tags.Tag.1.Key': 'a' };
      const request = call('rds', action, new URLSearchParams({ Action: action, ...named }).toString());
      return new AccessControl([stackOf('us-east-1', [statement])], ACCOUNT, { tagsOf }).judge(request)?.denied;
    };
    expect(denied('CopyDBSnapshot', 'own', 'StringEqualsIfExists')).toBeUndefined();
    expect(denied('CopyDBSnapshot', 'eu-foreign', 'StringEqualsIfExists')).toContain(`${arn('eu-foreign')} (aws:ResourceTag/`);
    expect(denied('CopyDBSnapshot', 'own', 'StringEquals')).toContain(arn('new'));
  });

  it('makes a key with tags only by the right to tag, and within the keys of tags that it is held to', () => {
    const make = (...keys: string[]) => call('kms', 'CreateKey', { Tags: keys.map((TagKey) => ({ TagKey, TagValue: 'prod' })) });
    const conditions = {
      StringEquals: { 'aws:RequestTag/lifeboat:environment': 'prod' },
      'ForAllValues:StringLike': { 'aws:TagKeys': ['lifeboat:*'] },
    };
    const both = allow(['kms:CreateKey', 'kms:TagResource'], '*', conditions);
    expect(deniedBy([both], make('lifeboat:environment', 'lifeboat:incident'))).toBeUndefined();
    expect(deniedBy([both], make('lifeboat:environment', 'team'))).toContain('aws:TagKeys lifeboat:environment, team');
    expect(deniedBy([both], make())).toContain('may not kms:CreateKey');
    expect(deniedBy([allow('kms:CreateKey', '*', conditions)], make('lifeboat:environment'))).toContain('may not kms:TagResource');
  });

  it('reads secrets by name, writes objects, puts metrics into its namespace', () => {
    const secret = allow('secretsmanager:GetSecretValue', 'arn:aws:secretsmanager:us-east-1:000000000000:secret:orders/database-??????');
    expect(deniedBy([secret], call('secretsmanager', 'GetSecretValue', { SecretId: 'orders/database' }))).toBeUndefined();
    expect(deniedBy([secret], call('secretsmanager', 'GetSecretValue', { SecretId: 'payroll' }))).toContain('secret:payroll');
    const put = call('s3', 'PutObject', '', { path: '/evidence/incidents/orders/1.json?x-id=PutObject', method: 'PUT' });
    expect(deniedBy([allow('s3:PutObject', 'arn:aws:s3:::evidence/incidents/*')], put)).toBeUndefined();
    expect(deniedBy([allow('s3:PutObject', 'arn:aws:s3:::evidence/other/*')], put)).toContain('evidence/incidents/orders/1.json');
    const metric = allow('cloudwatch:PutMetricData', '*', { StringEquals: { 'cloudwatch:namespace': 'Lifeboat' } });
    expect(deniedBy([metric], call('monitoring', 'PutMetricData', { Namespace: 'Lifeboat' }))).toBeUndefined();
    expect(deniedBy([metric], call('monitoring', 'PutMetricData', { Namespace: 'AWS/RDS' }))).toContain('AWS/RDS');
  });

  it('is stopped by a denial, and by an operation that the lab has no rule for', () => {
    const promote = call('rds', 'PromoteReadReplica', 'DBInstanceIdentifier=orders');
    const deny = { Effect: 'Deny', Action: 'rds:*', Resource: '*', Condition: { ArnEquals: { 'lambda:SourceFunctionArn': 'arn:x' } } };
    expect(deniedBy([allow('rds:*', '*'), deny], promote)).toBeUndefined();
    expect(deniedBy([allow('rds:*', '*'), { ...deny, Condition: undefined }], promote)).toContain('may not rds:PromoteReadReplica');
    expect(deniedBy([allow('*', '*')], call('quantum', 'Leap', {}))).toContain('does not know what right quantum Leap needs');
  });

  it('whose policy the lab cannot read is refused at once', () => {
    expect(() => controlled({ Effect: 'Allow', Action: 'a:b', NotResource: '*' })).toThrow('NotResource');
    expect(() => controlled(allow('a:b', '*', { NumericLessThan: { 'aws:x': '1' } }))).toThrow('NumericLessThan');
  });
});

it('lists rights to change something that no call used in any region, without those that Lambda uses itself', () => {
  const rights = [
    allow(['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:GetItem'], table, leases),
    allow('sqs:SendMessage', { 'Fn::GetAtt': ['Queue', 'Arn'] }),
    allow(['logs:PutLogEvents', 'xray:PutTraceSegments', 'kms:GenerateDataKey'], '*'),
  ];
  const west = JSON.parse(JSON.stringify(rights).replaceAll('us-east-1', 'us-west-2')) as object[];
  const access = new AccessControl([stackOf('us-east-1', rights), stackOf('us-west-2', west)], ACCOUNT);
  expect(access.useOfRights().unused.map(({ action }) => action)).toEqual(['dynamodb:PutItem', 'dynamodb:UpdateItem']);
  access.judge(
    call('dynamodb', 'UpdateItem', { TableName: 'ledger', Key: { pk: { S: 'lease#a' } } }, { source: 'us-west-2', region: 'us-west-2' }),
  );
  expect(access.useOfRights().used.map(({ action }) => action)).toEqual(['dynamodb:UpdateItem']);
  expect(access.useOfRights().unused).toEqual([
    {
      functionName: 'step',
      action: 'dynamodb:PutItem',
      resource: `arn:aws:dynamodb:<region>:000000000000:table/ledger ${JSON.stringify(leases)}`,
    },
  ]);
});

describe('what a request names only by half', () => {
  const withMachine = (statements: object[]): Stack => {
    const stack = stackOf('us-west-2', statements);
    Object.assign(stack.template.Resources!, {
      Key: { Type: 'AWS::KMS::Key' },
      Alias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: 'alias/approval', TargetKeyId: { 'Fn::GetAtt': ['Key', 'Arn'] } } },
      Asking: {
        Type: 'AWS::StepFunctions::StateMachine',
        Properties: { StateMachineName: 'asking', DefinitionString: 'lambda:invoke.waitForTaskToken' },
      },
      Silent: { Type: 'AWS::StepFunctions::StateMachine', Properties: { StateMachineName: 'silent', DefinitionString: '{}' } },
    });
    return stack;
  };
  const judged = (service: string, action: string, input: object, resource: unknown) => {
    const statement = { Effect: 'Allow', Action: [`${service}:${action}`], Resource: resource };
    const call = {
      source: 'us-west-2',
      region: 'us-west-2',
      principal: 'step',
      service,
      action,
      headers: json,
      path: '/',
      body: Buffer.from(JSON.stringify(input)),
    };
    return new AccessControl([withMachine([statement])], ACCOUNT).judge(call as unknown as AwsCall)?.denied;
  };
  const machine = (name: string) => `arn:aws:states:us-west-2:${ACCOUNT}:stateMachine:${name}`;

  it('an answer by task token is a right on the machine that waits by one', () => {
    expect(judged('states', 'SendTaskSuccess', { taskToken: 'x' }, machine('asking'))).toBeUndefined();
    expect(judged('states', 'SendTaskSuccess', { taskToken: 'x' }, machine('silent'))).toMatch(
      /may not states:SendTaskSuccess on .*:asking/,
    );
  });

  it('a key by its alias is a right on the key', () => {
    const byAlias = { KeyId: 'alias/approval' };
    expect(judged('kms', 'VerifyMac', byAlias, { 'Fn::GetAtt': ['Key', 'Arn'] })).toBeUndefined();
    expect(judged('kms', 'VerifyMac', byAlias, `arn:aws:kms:us-west-2:${ACCOUNT}:alias/approval`)).toMatch(/may not kms:VerifyMac/);
  });
});
