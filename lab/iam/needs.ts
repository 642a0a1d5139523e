import { gunzipSync } from 'node:zlib';
import type { AwsCall } from '../types.ts';

/** A right that a call needs: one action on all of these resources. AWS, service authorization reference, 2026-11. */
export interface Need {
  action: string;
  resources: readonly string[];
  context: Readonly<Record<string, readonly string[]>>;
}

/** What has to be known of the templates to tell what a call is about. */
export interface Knowledge {
  account: string;
  /** Partition key by table name. */
  partitionKeys: ReadonlyMap<string, string>;
  /** KMS key by ARN of what it encrypts. */
  keys: ReadonlyMap<string, string>;
  /** ARN of the KMS key by `<account>/<region>/<alias>`. */
  aliases: ReadonlyMap<string, string>;
  /** ARNs of the machines that wait by task token, by region. */
  waitingMachines: ReadonlyMap<string, readonly string[]>;
  /** Tags of an RDS resource as it is now; nothing where there is none. */
  tagsOf?: (arn: string) => ReadonlyMap<string, string> | undefined;
  /** The key of an RDS snapshot, as RDS was told it. */
  keyOf?: (arn: string) => string | undefined;
}

interface Subject {
  call: AwsCall;
  /** The request's fields, of a JSON body or of a form. */
  input: Record<string, unknown>;
  known: Knowledge;
  account: string;
  arn(service: string, resource: string): string;
}

type Needs = (subject: Subject) => Need[];

/**
 * The rights that a call needs, the request's own first, then those that the service asks for in the caller's name. Undefined for an
 * operation that the lab has no rule for: whoever first uses it adds one here.
 */
export function needsOf(call: AwsCall, known: Knowledge): Need[] | undefined {
  const rule = RULES[call.service];
  const { account = known.account } = call;
  const arn = (service: string, resource: string) =>
    resource.startsWith('arn:') ? resource : `arn:aws:${service}:${call.region}:${account}:${resource}`;
  return rule?.({ call, input: inputOf(call), known, account, arn });
}

const need = (action: string, resources: readonly string[], context: Need['context'] = {}): Need => ({ action, resources, context });

const RULES: Readonly<Record<string, Needs>> = {
  dynamodb: ({ call, input, known, arn }) => {
    const tables = tablesOf(input, known);
    return tables.map(({ name, keys }) =>
      need(`dynamodb:${call.action}`, [arn('dynamodb', `table/${name}`)], keys.length > 0 ? { 'dynamodb:LeadingKeys': keys } : {}),
    );
  },
  rds: (subject) => {
    const { call, input, known, arn } = subject;
    return [...onRds(`rds:${call.action}`, rdsResources(input, arn), known), ...rdsImplied(subject)];
  },
  ecs: ({ call, input, arn }) => {
    const cluster = String(input.cluster ?? 'default')
      .split('/')
      .at(-1);
    const services = [input.service, ...((input.services as unknown[]) ?? [])].filter((name) => name !== undefined);
    const resources = services.map((name) => arn('ecs', `service/${cluster}/${String(name).split('/').at(-1)}`));
    return [need(`ecs:${call.action}`, resources.length > 0 ? resources : [arn('ecs', `cluster/${cluster}`)])];
  },
  states: ({ call, input, known, arn }) => {
    // A token does not say whose it is: any machine that waits by one may have given it.
    if (call.action.startsWith('SendTask')) return [need(`states:${call.action}`, known.waitingMachines.get(call.region) ?? ['*'])];
    const named = input.stateMachineArn ?? input.executionArn;
    return [need(`states:${call.action}`, [named ? arn('states', String(named)) : '*'])];
  },
  lambda: ({ call, arn }) => {
    const name = decodeURIComponent(/\/functions\/([^/?]+)/.exec(call.path)?.[1] ?? '*');
    return [need(`lambda:${call.action === 'Invoke' ? 'InvokeFunction' : call.action}`, [arn('lambda', `function:${name}`)])];
  },
  // A secret that is asked for by name has six characters more in its ARN, which the request does not say.
  secretsmanager: ({ call, input, arn }) => {
    const secret = String(input.SecretId ?? input.Name);
    return [need(`secretsmanager:${call.action}`, [secret.startsWith('arn:') ? secret : arn('secretsmanager', `secret:${secret}-AbCdEf`)])];
  },
  sns: ({ call, input, known }) => {
    const topic = String(input.TopicArn ?? '*');
    return [need(`sns:${call.action}`, [topic]), ...encrypted(known.keys.get(topic), ['GenerateDataKey', 'Decrypt'])];
  },
  sqs: ({ call, input, arn }) => [
    need(`sqs:${call.action}`, [
      arn(
        'sqs',
        String(input.QueueUrl ?? '*')
          .split('/')
          .at(-1) ?? '*',
      ),
    ]),
  ],
  s3: ({ call, known }) => {
    const [, bucket = '', ...key] = decodeURIComponent(call.path.split('?', 1)[0]!).split('/');
    const arn = `arn:aws:s3:::${bucket}`;
    const resource = key.join('/') === '' ? arn : `${arn}/${key.join('/')}`;
    return [
      need(`s3:${S3_ACTIONS[call.action] ?? call.action}`, [resource]),
      ...(call.action === 'PutObject' ? encrypted(known.keys.get(arn), ['GenerateDataKey']) : []),
    ];
  },
  monitoring: ({ call, input }) => [
    need(`cloudwatch:${call.action}`, ['*'], input.Namespace ? { 'cloudwatch:namespace': [String(input.Namespace)] } : {}),
  ],
  kms: ({ call, input, known, account }) => {
    const tags = (input.Tags ?? []) as { TagKey: string; TagValue: string }[];
    const asked = Object.fromEntries(tags.map(({ TagKey, TagValue }) => [`aws:RequestTag/${TagKey}`, [TagValue]]));
    const context = tags.length === 0 ? {} : { ...asked, 'aws:TagKeys': tags.map(({ TagKey }) => TagKey) };
    const named = String(input.KeyId ?? '*');
    const ofName = keyArn(named, { known, account, region: call.region });
    if (call.action !== 'CreateKey') return [need(`kms:${call.action}`, [ofName], context)];
    // A key that is yet to be made has no ARN.
    return ['kms:CreateKey', ...(tags.length > 0 ? ['kms:TagResource'] : [])].map((action) => need(action, ['*'], context));
  },
  ssm: ({ call, input, arn }) => [need(`ssm:${call.action}`, [arn('ssm', `parameter/${String(input.Name ?? '*').replace(/^\//, '')}`)])],
  logs: ({ call, input, arn }) => [need(`logs:${call.action}`, [arn('logs', `log-group:${input.logGroupName ?? '*'}:*`)])],
  events: ({ call, arn }) => [need(`events:${call.action}`, [arn('events', 'event-bus/default')])],
  ec2: ({ call, input, arn }) => [need(`ec2:${call.action}`, [input.GroupId ? arn('ec2', `security-group/${input.GroupId}`) : '*'])],
  // Everybody may ask who he is.
  sts: ({ call, input }) => (call.action === 'GetCallerIdentity' ? [] : [need(`sts:${call.action}`, [String(input.RoleArn ?? '*')])]),
};

const S3_ACTIONS: Readonly<Record<string, string>> = { HeadObject: 'GetObject', ListObjects: 'ListBucket', HeadBucket: 'ListBucket' };

const encrypted = (key: string | undefined, actions: readonly string[]): Need[] =>
  key === undefined ? [] : actions.map((action) => need(`kms:${action}`, [key]));

/** Each resource is judged by its own tags; what is yet to be made has none. */
const onRds = (action: string, resources: readonly string[], { tagsOf }: Knowledge): Need[] =>
  resources.map((resource) => {
    const tags = [...(tagsOf?.(resource) ?? [])].map(([key, value]) => [`aws:ResourceTag/${key}`, [value]]);
    return need(action, [resource], Object.fromEntries(tags) as Need['context']);
  });

const RDS_KINDS: Readonly<Record<string, string>> = {
  DBInstanceIdentifier: 'db',
  SourceDBInstanceIdentifier: 'db',
  SourceDBInstanceArn: 'db',
  TargetDBInstanceIdentifier: 'db',
  SourceDBInstanceAutomatedBackupsArn: 'auto-backup',
  DBInstanceAutomatedBackupsArn: 'auto-backup',
  DBSnapshotIdentifier: 'snapshot',
  SourceDBSnapshotIdentifier: 'snapshot',
  TargetDBSnapshotIdentifier: 'snapshot',
  DBParameterGroupName: 'pg',
  OptionGroupName: 'og',
  DBSubnetGroupName: 'subgrp',
};

function rdsResources(input: Record<string, unknown>, arn: Subject['arn']): string[] {
  const named = Object.entries(RDS_KINDS).flatMap(([field, kind]) =>
    input[field] ? [arn('rds', withKind(kind, String(input[field])))] : [],
  );
  if (input.ResourceName) named.push(String(input.ResourceName));
  if (input.Action === 'StartDBInstanceAutomatedBackupsReplication') named.push(...backupsBeside(String(input.SourceDBInstanceArn), arn));
  return named.length > 0 ? named : [arn('rds', 'db:*')];
}

const SOME_BACKUP = `auto-backup:ab-${'a'.repeat(36)}`;

/** RDS alone knows what the backup is called, and no document says in which of the two regions it asks. */
const backupsBeside = (instanceArn: string, arn: Subject['arn']): string[] => [
  arn('rds', SOME_BACKUP),
  instanceArn.replace(/db:[^:]*$/, SOME_BACKUP),
];

const withKind = (kind: string, name: string): string => (name.startsWith('arn:') ? name : `${kind}:${name}`);

/** Tags are a right of their own; a key of the caller's choice must let him give RDS the use of it. */
function rdsImplied({ call: { region, action }, input, known, account, arn }: Subject): Need[] {
  const tags = Object.keys(input).some((field) => field.startsWith('Tags.'));
  const throughRds = { 'kms:ViaService': [`rds.${region}.amazonaws.com`] };
  const named = input.KmsKeyId ? String(input.KmsKeyId) : undefined;
  const key = named && keyArn(named, { known, account, region });
  const chosen = { ...throughRds, ...(named?.startsWith('alias/') && { 'kms:ResourceAliases': [named] }) };
  return [
    ...(tags ? onRds('rds:AddTagsToResource', tagged(action, input, arn), known) : []),
    ...(key ? [need('kms:DescribeKey', [key], chosen), need('kms:CreateGrant', [key], chosen)] : []),
    ...keyOfAnother(String(input.SourceDBSnapshotIdentifier ?? ''), known, account).flatMap((theirs) =>
      ['DescribeKey', 'Decrypt', 'CreateGrant'].map((action) =>
        need(`kms:${action}`, [theirs], { ...throughRds, 'kms:GrantIsForAWSResource': ['true'] }),
      ),
    ),
  ];
}

/** A replica is tagged, not what it is made of. */
const tagged = (action: string, input: Record<string, unknown>, arn: Subject['arn']): string[] =>
  action === 'CreateDBInstanceReadReplica' ? [arn('rds', `db:${input.DBInstanceIdentifier}`)] : rdsResources(input, arn);

/** What another account shares is read with the key that it lies under: that account's. RDS user guide, 'Sharing encrypted snapshots', 2026-11. */
function keyOfAnother(snapshot: string, known: Knowledge, account: string): string[] {
  const [, , , region = '', owner = account] = snapshot.split(':');
  const named = owner === account ? undefined : known.keyOf?.(snapshot);
  return named ? [keyArn(named, { known, account: owner, region })] : [];
}

/** A key's ARN, by its alias, its identifier or itself. */
function keyArn(named: string, { known, account, region }: { known: Knowledge; account: string; region: string }): string {
  if (named.startsWith('arn:')) return named;
  return known.aliases.get(`${account}/${region}/${named}`) ?? `arn:aws:kms:${region}:${account}:key/${named.replace(/^key\//, '')}`;
}

/** The tables of a request, each with the partition keys that the request is about (`dynamodb:LeadingKeys`). */
function tablesOf(input: Record<string, unknown>, known: Knowledge): { name: string; keys: string[] }[] {
  const single = (request: Record<string, unknown>) => {
    const name = tableName(request.TableName);
    const key = partitionKey(request, known.partitionKeys.get(name) ?? '');
    return { name, keys: key === undefined ? [] : [key] };
  };
  if (input.TableName !== undefined) return [single(input)];
  const transact = ((input.TransactItems ?? []) as Record<string, Record<string, unknown>>[]).flatMap((item) =>
    Object.values(item).map(single),
  );
  const batch = Object.keys((input.RequestItems ?? {}) as object).map((name) => ({ name: tableName(name), keys: [] }));
  return [...transact, ...batch];
}

const tableName = (nameOrArn: unknown): string => String(nameOrArn).split('/').at(-1) ?? '';

type Attribute = { S?: string; N?: string } | undefined;

function partitionKey(request: Record<string, unknown>, name: string): string | undefined {
  const item = (request.Key ?? request.Item) as Record<string, Attribute> | undefined;
  if (item) return item[name]?.S ?? item[name]?.N;
  const values = request.ExpressionAttributeValues as Record<string, Attribute> | undefined;
  const placeholder = new RegExp(`(?:^|[\\s(])${name}\\s*=\\s*(:\\w+)`).exec(String(request.KeyConditionExpression ?? ''))?.[1];
  return placeholder ? values?.[placeholder]?.S : undefined;
}

function inputOf({ headers, body }: AwsCall): Record<string, unknown> {
  if (body.length === 0) return {};
  const text = (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('utf8');
  if (headers['content-type']?.includes('x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  if (!headers['content-type']?.includes('json')) return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
