import { type Resource, resourcesOf, type Stack } from '../deploy/assembly.ts';
import { resolve, type Scope } from '../deploy/intrinsics.ts';
import { requireKnown } from './conditions.ts';
import type { Conditions, Statement } from './policy.ts';

/** Somebody who calls, as policies know him. */
export interface Caller {
  arn: string;
  account: string;
}

/** A statement of a policy that stands at a role or key and says whom it is about. */
export interface PrincipalStatement extends Statement {
  /** Accounts that it names as a whole. */
  accounts: readonly string[];
}

/** A role that has a name of its own, so that another account's functions may take it on. */
export interface NamedRole extends Caller {
  statements: readonly Statement[];
  trust: readonly PrincipalStatement[];
}

/** What one function may do, by the role that its template gives it. */
export interface FunctionRole extends Caller {
  functionName: string;
  region: string;
  statements: readonly Statement[];
  /** Where Lambda itself sends what failed, with this role. */
  destinations: readonly string[];
}

/** What a stack says about names, so that a call can be understood. */
export interface StackFacts {
  roles: FunctionRole[];
  namedRoles: NamedRole[];
  /** Statements of the policy of each KMS key, by its ARN. */
  keyPolicies: Map<string, PrincipalStatement[]>;
  /** Partition key by table name. */
  partitionKeys: Map<string, string>;
  /** ARN of the KMS key by ARN of the topic or bucket that it encrypts. */
  keys: Map<string, string>;
  /** ARN of the KMS key by `<account>/<region>/<alias>`. */
  aliases: Map<string, string>;
  /** ARNs of the machines that wait by task token. */
  waitingMachines: string[];
}

/** Reads a stack's functions, their roles' policies, its tables' keys and what is encrypted by which key. */
export function factsOf(stack: Stack, account: string): StackFacts {
  const scope = scopeOf(stack, account);
  // Only these: others may refer to what exists only once the stack is deployed.
  const properties = (type: string) =>
    resourcesOf(stack.template, type).map(([id, { Properties: all = {} }]) => {
      const read = Object.fromEntries(Object.entries(all).filter(([name]) => READ.has(name)));
      return [id, resolve(read, scope) as Properties] as const;
    });
  const policies = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'].flatMap(properties);
  const destinations = properties('AWS::Lambda::EventInvokeConfig');
  const statementsOfRole = (role: string) =>
    policies.filter(([, { Roles }]) => list(Roles).includes(role)).flatMap(([, policy]) => statementsOf(policy.PolicyDocument));
  const iamRoles = new Map<string, Properties & { arn: string }>(
    properties('AWS::IAM::Role').map(([id, role]) => [`<${id}>`, { ...role, arn: roleArn(account, id, role) }]),
  );
  const roles = properties('AWS::Lambda::Function').map(([id, { FunctionName = id, Role }]) => ({
    functionName: String(FunctionName),
    region: stack.region,
    account,
    arn: iamRoles.get(roleName(Role))?.arn ?? String(Role),
    statements: statementsOfRole(roleName(Role)),
    destinations: destinations.filter(([, config]) => config.FunctionName === FunctionName).map(([, config]) => onFailure(config)),
  }));
  const aliases = properties('AWS::KMS::Alias').map(
    ([, { AliasName, TargetKeyId }]) => [`${account}/${stack.region}/${AliasName}`, String(TargetKeyId)] as const,
  );
  return {
    roles,
    namedRoles: [...iamRoles].flatMap(([id, { RoleName, AssumeRolePolicyDocument, arn }]) =>
      RoleName ? [{ arn, account, statements: statementsOfRole(id), trust: principalStatements(AssumeRolePolicyDocument) }] : [],
    ),
    keyPolicies: new Map(
      properties('AWS::KMS::Key').map(([id, { KeyPolicy }]) => [String(scope.attribute(id, 'Arn')), principalStatements(KeyPolicy)]),
    ),
    partitionKeys: partitionKeys(properties),
    keys: encryptionKeys(properties, scope),
    aliases: new Map(aliases),
    waitingMachines: waitingMachines(stack).map((id) => String(scope.attribute(id, 'Arn'))),
  };
}

const waitingMachines = ({ template }: Stack): string[] =>
  resourcesOf(template, 'AWS::StepFunctions::StateMachine').flatMap(([id, machine]) =>
    JSON.stringify(machine).includes('.waitForTaskToken') ? [id] : [],
  );

const READ: ReadonlySet<string> = new Set([
  ...['FunctionName', 'Role', 'Roles', 'PolicyDocument', 'DestinationConfig'],
  ...['RoleName', 'AssumeRolePolicyDocument', 'KeyPolicy'],
  ...['AliasName', 'TargetKeyId', 'TableName', 'KeySchema', 'KmsMasterKeyId', 'BucketName', 'BucketEncryption'],
]);

type Properties = Record<string, unknown>;
type Read = (type: string) => (readonly [string, Properties])[];

const ATTRIBUTE_ARN: Record<string, (id: string, properties: Properties) => string> = {
  'AWS::Lambda::Function': (id, { FunctionName = id }) => `lambda:function:${FunctionName}`,
  'AWS::SQS::Queue': (id, { QueueName = id }) => `sqs:${QueueName}`,
  'AWS::KMS::Key': (id) => `kms:key/${id}`,
  'AWS::Logs::LogGroup': (id, { LogGroupName = id }) => `logs:log-group:${LogGroupName}:*`,
  'AWS::IAM::Role': (id) => `iam:role/${id}`,
  'AWS::SNS::Topic': (id, { TopicName = id }) => `sns:${TopicName}`,
  'AWS::StepFunctions::StateMachine': (id, { StateMachineName = id }) => `states:stateMachine:${StateMachineName}`,
};

/** Names as CloudFormation would give them; what the lab has no rule for keeps its logical name, which no call ever matches. */
function scopeOf(stack: Stack, account: string): Scope {
  const pseudo: Record<string, string> = { 'AWS::Region': stack.region, 'AWS::AccountId': account, 'AWS::Partition': 'aws' };
  const find = (id: string): Resource | undefined => stack.template.Resources?.[id];
  const arn = (id: string) => {
    const resource = find(id);
    const local = resource && ATTRIBUTE_ARN[resource.Type]?.(id, resource.Properties ?? {});
    return local && `arn:aws:${local.replace(':', `:${stack.region}:${account}:`)}`;
  };
  return {
    ref: (id) => pseudo[id] ?? (find(id)?.Type === 'AWS::SNS::Topic' ? arn(id) : physicalName(find(id))) ?? `<${id}>`,
    attribute: (id, name) => (name === 'Arn' || name === 'TopicArn' ? arn(id) : undefined) ?? `<${id}.${name}>`,
    exported: (name) => `<${name}>`,
  };
}

function physicalName(resource: Resource | undefined): string | undefined {
  const { FunctionName, BucketName, TableName } = (resource?.Properties ?? {}) as Record<string, string | undefined>;
  return FunctionName ?? BucketName ?? TableName;
}

/** A policy names its roles by reference, a function its role by ARN; both end with the logical id. */
const roleName = (arn: unknown): string => `<${String(arn).split('role/').at(-1)}>`;

const roleArn = (account: string, id: string, { RoleName = id }: Properties): string => `arn:aws:iam::${account}:role/${RoleName}`;

type Document = { Statement: Record<string, unknown>[] } | undefined;

/** Services and single principals are nobody here: what the lab decides is between accounts. */
function principalStatements(document: unknown): PrincipalStatement[] {
  return ((document as Document)?.Statement ?? []).map(({ Principal, Resource = '*', ...statement }) => {
    const [read] = statementsOf({ Statement: [{ Resource, ...statement }] });
    const named = list((Principal as { AWS?: unknown } | undefined)?.AWS);
    return { ...read!, accounts: named.flatMap((arn) => /^arn:[\w-]+:iam::(\d+):root$/.exec(arn)?.[1] ?? []) };
  });
}

function statementsOf(document: unknown): Statement[] {
  return ((document as Document)?.Statement ?? []).map(({ Effect, Action, Resource, Condition, ...more }) => {
    const unknown = Object.keys(more).filter((key) => key !== 'Sid');
    if (unknown.length > 0) throw new Error(`The lab does not know ${unknown.join(', ')} in a policy's statement.`);
    const conditions = conditionsOf(Condition);
    requireKnown(conditions);
    return { effect: Effect as Statement['effect'], actions: list(Action), resources: list(Resource), conditions };
  });
}

const conditionsOf = (condition: unknown): Conditions =>
  Object.fromEntries(
    Object.entries((condition ?? {}) as Record<string, Record<string, unknown>>).map(([operator, keys]) => [
      operator,
      Object.fromEntries(Object.entries(keys).map(([key, values]) => [key, list(values)])),
    ]),
  );

const onFailure = ({ DestinationConfig }: Properties): string =>
  (DestinationConfig as { OnFailure?: { Destination?: string } } | undefined)?.OnFailure?.Destination ?? '';

function partitionKeys(read: Read): Map<string, string> {
  const tables = ['AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable'].flatMap(read);
  return new Map(
    tables.map(([id, { TableName = id, KeySchema }]) => {
      const hash = (KeySchema as { AttributeName: string; KeyType: string }[]).find(({ KeyType }) => KeyType === 'HASH');
      return [String(TableName), hash?.AttributeName ?? ''];
    }),
  );
}

function encryptionKeys(read: Read, scope: Scope): Map<string, string> {
  const topics = read('AWS::SNS::Topic').map(([id, { KmsMasterKeyId }]) => [scope.attribute(id, 'TopicArn'), KmsMasterKeyId]);
  const buckets = read('AWS::S3::Bucket').map(([id, { BucketName = id, BucketEncryption }]) => {
    const [rule] = (BucketEncryption as BucketEncryption | undefined)?.ServerSideEncryptionConfiguration ?? [];
    return [`arn:aws:s3:::${BucketName}`, rule?.ServerSideEncryptionByDefault?.KMSMasterKeyID];
  });
  return new Map([...topics, ...buckets].filter((pair): pair is [string, string] => typeof pair[1] === 'string'));
}

interface BucketEncryption {
  ServerSideEncryptionConfiguration?: { ServerSideEncryptionByDefault?: { KMSMasterKeyID?: string } }[];
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]);
