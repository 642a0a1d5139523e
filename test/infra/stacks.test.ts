import { describe, expect, it } from 'vitest';
import { defineEnvironment } from '../../environments/define.ts';
import { LedgerStack } from '../../infra/ledger-stack.ts';
import { SiteStack } from '../../infra/site-stack.ts';
import { environment, workload } from '../environments/fixtures.ts';
import { rightsOf } from './iam.ts';
import { definitions, ofType, only, synthesiseDemo, synthesiseStack, type Template, type WorkloadKind } from './synth.ts';

// Synthesis runs cdk-nag and fails on a finding without a written reason.
const demo = synthesiseDemo();
const sites = { primary: demo.primary, recovery: demo.recovery };
const observers = { ...sites, witness: demo.witness };

describe('every stack', () => {
  it.each(Object.entries(demo))('%s waits for no other region: only the DNS stack imports, and beside its exporter', (kind, template) => {
    const text = JSON.stringify(template);
    expect(text).not.toMatch(/\{\{resolve:|ExportsReader|ExportsWriter|Custom::|AWS::CloudFormation::CustomResource/);
    expect(text.includes('Fn::ImportValue')).toBe(kind === 'dns');
  });

  it.each(Object.entries(demo))('%s tags what can be tagged', (_, template) => {
    const taggable = Object.values(template.Resources).filter(({ Type }) =>
      /^AWS::(Lambda::Function|IAM::Role|SQS::Queue|SNS::Topic|S3::Bucket|KMS::Key|StepFunctions::StateMachine|CloudWatch::Alarm)$/.test(
        Type,
      ),
    );
    for (const { Properties } of taggable) {
      expect(Properties.Tags).toEqual(
        expect.arrayContaining([
          { Key: 'lifeboat:environment', Value: 'demo' },
          { Key: 'team', Value: 'platform' },
        ]),
      );
    }
  });

  it('carries the environment in every physical name', () => {
    const names = Object.values(demo).flatMap((template) =>
      Object.values(template.Resources).flatMap(({ Properties = {} }) =>
        ['FunctionName', 'TableName', 'QueueName', 'TopicName', 'BucketName', 'LogGroupName', 'StateMachineName', 'AlarmName', 'AliasName']
          .map((property) => Properties[property])
          .filter((name): name is string => typeof name === 'string'),
      ),
    );
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => !name.includes('lifeboat-demo'))).toEqual([]);
    expect(names.filter((name) => name.length > 64 && !name.startsWith('/'))).toEqual([]);
  });
});

describe('a function', () => {
  const functions = Object.entries(observers).flatMap(([kind, template]) =>
    ofType(template, 'AWS::Lambda::Function').map(
      ([, { Properties }]) => [`${kind} ${String(Properties.FunctionName)}`, template, Properties] as const,
    ),
  );

  it('exists for each step, in the sites and, to observe, in the witness', () => {
    // The recovery site alone has the beacon.
    expect(functions).toHaveLength(22 + 23 + 1);
  });

  it.each(functions)('%s has a role, a log group, tracing and a bounded time of its own', (_, template, properties) => {
    expect(properties).toMatchObject({
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      TracingConfig: { Mode: String(properties.FunctionName).endsWith('-answer-beacon') ? 'PassThrough' : 'Active' },
    });
    // One reads whole tables, and nobody waits for it; the watch runs until the next one has begun.
    const longest: Record<string, number> = { 'lifeboat-demo-export-lost-rows': 900, 'lifeboat-demo-watch': 240 };
    expect(properties.Timeout).toBeLessThanOrEqual(longest[String(properties.FunctionName)] ?? 60);
    const { 'Fn::GetAtt': role } = properties.Role as { 'Fn::GetAtt': string[] };
    const users = ofType(template, 'AWS::Lambda::Function').filter(
      ([, other]) => JSON.stringify(other.Properties.Role) === JSON.stringify(properties.Role),
    );
    expect(users).toHaveLength(1);
    expect(template.Resources[role[0]!]!.Properties).not.toHaveProperty('ManagedPolicyArns');
    const { LogGroup } = properties.LoggingConfig as { LogGroup: { Ref: string } };
    expect(template.Resources[LogGroup.Ref]!.Properties).toMatchObject({
      LogGroupName: `/aws/lambda/${String(properties.FunctionName)}`,
      RetentionInDays: 30,
      KmsKeyId: expect.anything(),
    });
  });

  it.each(Object.entries(observers))('%s: what is invoked asynchronously has a dead-letter queue', (kind, template) => {
    const caught = ofType(template, 'AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => {
      const { Ref } = Properties.FunctionName as { Ref: string };
      expect(Properties.DestinationConfig).toMatchObject({ OnFailure: { Destination: expect.anything() } });
      return template.Resources[Ref]!.Properties.FunctionName;
    });
    const inSites = ['watch', 'start-failover', 'look-again', 'reconcile-site', 'export-lost-rows'].map((step) => `lifeboat-demo-${step}`);
    expect(caught.sort()).toEqual((kind === 'witness' ? ['lifeboat-demo-watch'] : inSites).sort());
    for (const [, { Properties }] of ofType(template, 'AWS::Scheduler::Schedule')) {
      expect(Properties).toMatchObject({
        ScheduleExpression: 'rate(1 minute)',
        Target: { DeadLetterConfig: { Arn: expect.anything() }, RetryPolicy: { MaximumRetryAttempts: 0 } },
      });
    }
  });

  it('runs in the network that the environment names when it speaks SQL, and only then', () => {
    const network = { subnetIds: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'], securityGroupIds: ['sg-0a1b2c3d'] };
    const databases = [
      {
        kind: 'rds-postgres-replica' as const,
        name: 'db',
        instances: { primary: 'a', recovery: 'b' },
        secret: 's',
        databaseName: 'd',
        applicationRoles: ['r'],
      },
    ];
    const input = environment({
      sites: { primary: { region: 'eu-west-1', network }, recovery: { region: 'eu-central-1' } },
      workloads: [workload('orders', { databases })],
    });
    const test = defineEnvironment(input);
    const attachedIn = (site: 'primary' | 'recovery') => {
      const env = { account: test.account, region: test.sites[site].region };
      const template = synthesiseStack(
        (app, code) => new SiteStack(app, site, { environment: test, site, env, bundles: () => code, definitions }),
      );
      return ofType(template, 'AWS::Lambda::Function').filter(([, { Properties }]) => Properties.VpcConfig);
    };
    const attached = attachedIn('primary');
    expect(attached.map(([, { Properties }]) => Properties.FunctionName).sort()).toEqual(
      ['export-lost-rows', 'fence-writer', 'measure-lag', 'promote-database', 'reconcile-site', 'watch'].map(
        (step) => `lifeboat-test-${step}`,
      ),
    );
    expect(attached[0]![1].Properties.VpcConfig).toEqual({ SubnetIds: network.subnetIds, SecurityGroupIds: network.securityGroupIds });
    expect(attachedIn('recovery')).toEqual([]);
  });
});

describe('the ledger', () => {
  it('is strongly consistent with the witness as third vote, kept and protected', () => {
    const table = only(demo.ledger, 'AWS::DynamoDB::GlobalTable');
    expect(table).toMatchObject({
      TableName: 'lifeboat-demo-ledger',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      MultiRegionConsistency: 'STRONG',
      GlobalTableWitnesses: [{ Region: 'us-east-2' }],
    }); // prettier-ignore
    const replicas = table.Replicas as Record<string, unknown>[];
    expect(replicas.map(({ Region }) => Region).sort()).toEqual(['us-east-1', 'us-west-2']);
    for (const replica of replicas) {
      expect(replica).toMatchObject({
        DeletionProtectionEnabled: true,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
    expect(table).not.toHaveProperty('TimeToLiveSpecification');
    expect(ofType(demo.ledger, 'AWS::DynamoDB::GlobalTable')[0]![1].DeletionPolicy).toBe('Retain');
  });

  it('is a plain replica where the environment says eventual', () => {
    const eventual = defineEnvironment(environment({ consistency: 'eventual', witness: { region: 'us-east-1' } }));
    const env = { account: eventual.account, region: 'eu-west-1' };
    const template = synthesiseStack((app) => new LedgerStack(app, 'ledger', { environment: eventual, env }));
    const table = only(template, 'AWS::DynamoDB::GlobalTable');
    expect(table).not.toHaveProperty('MultiRegionConsistency');
    expect(table).not.toHaveProperty('GlobalTableWitnesses');
  });
});

describe('what is kept', () => {
  it.each(Object.entries(sites))('%s: evidence is versioned, locked, encrypted, private and retained', (kind, template) => {
    const region = kind === 'primary' ? 'us-east-1' : 'us-west-2';
    const BucketName = `lifeboat-demo-evidence-000000000000-${region}`;
    expect(only(template, 'AWS::S3::Bucket', { BucketName })).toMatchObject({
      VersioningConfiguration: { Status: 'Enabled' },
      ObjectLockEnabled: true,
      BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms' } }] },
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    for (const [, { DeletionPolicy }] of [...ofType(template, 'AWS::S3::Bucket'), ...ofType(template, 'AWS::KMS::Key')])
      expect(DeletionPolicy).toBe('Retain');
  });

  it.each(Object.entries(sites))(
    '%s: lost rows have a bucket and a key of their own, which one function encrypts with',
    (kind, template) => {
      const region = kind === 'primary' ? 'us-east-1' : 'us-west-2';
      const BucketName = `lifeboat-demo-lost-rows-000000000000-${region}`;
      const bucket = only(template, 'AWS::S3::Bucket', { BucketName });
      expect(bucket).toMatchObject({
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true },
      });
      const [{ ServerSideEncryptionByDefault }] = (
        bucket.BucketEncryption as {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { KMSMasterKeyID: { 'Fn::GetAtt': [string] } } }];
        }
      ).ServerSideEncryptionConfiguration;
      const [key] = ServerSideEncryptionByDefault.KMSMasterKeyID['Fn::GetAtt'];
      const users = ofType(template, 'AWS::IAM::Policy').filter(([, policy]) => JSON.stringify(policy.Properties).includes(key));
      expect(users).toHaveLength(1);
      const rights = rightsOf(template, 'lifeboat-demo-export-lost-rows').filter((right) => /lost-rows-0|<LostRows/.test(right));
      expect(rights).toEqual([`s3:PutObject on arn:aws:s3:::${BucketName}/*`, `kms:GenerateDataKey on <${key}.Arn>`]);
    },
  );

  it.each(Object.entries(observers))("%s: topic and queue are encrypted with the region's key", (_, template) => {
    expect(only(template, 'AWS::SNS::Topic')).toMatchObject({
      TopicName: 'lifeboat-demo-notifications',
      KmsMasterKeyId: expect.anything(),
    });
    expect(only(template, 'AWS::SQS::Queue')).toMatchObject({ QueueName: 'lifeboat-demo-failures', KmsMasterKeyId: expect.anything() });
    for (const [, { Properties }] of ofType(template, 'AWS::KMS::Key')) expect(Properties).toMatchObject({ EnableKeyRotation: true });
    expect(only(template, 'AWS::DynamoDB::Table')).toMatchObject({
      TableName: 'lifeboat-demo-observations',
      TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
    });
  });
});

describe('alarms', () => {
  it.each(Object.entries(sites))(
    '%s: the workload is down when every period of the confirmation says so, and silence says nothing',
    (site, template) => {
      const ofWorkload = demo[`${site}-orders` as WorkloadKind];
      const alarm = only(ofWorkload, 'AWS::CloudWatch::Alarm', { AlarmName: 'lifeboat-demo-orders-down' });
      const { AlarmActions, AlarmDescription, Tags: _tags, ...rest } = alarm;
      expect(rest).toEqual({
        AlarmName: 'lifeboat-demo-orders-down',
        Namespace: 'Lifeboat',
        MetricName: 'WorkloadDown',
        Dimensions: [
          { Name: 'Environment', Value: 'demo' },
          { Name: 'Workload', Value: 'orders' },
        ],
        Statistic: 'Minimum',
        Period: 10,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanOrEqualToThreshold',
        EvaluationPeriods: 2,
        DatapointsToAlarm: 2,
        TreatMissingData: 'notBreaching',
      }); // prettier-ignore
      const region = template === demo.primary ? 'us-east-1' : 'us-west-2';
      expect(AlarmActions).toEqual([
        `arn:aws:lambda:${region}:000000000000:function:lifeboat-demo-start-failover`,
        `arn:aws:sns:${region}:000000000000:lifeboat-demo-notifications`,
      ]);
      only(template, 'AWS::Lambda::Function', { FunctionName: 'lifeboat-demo-start-failover' });
      only(template, 'AWS::SNS::Topic', { TopicName: 'lifeboat-demo-notifications' });
      expect(String(AlarmDescription)).toContain('docs/runbook.md#workload-down');
      expect(only(template, 'AWS::Lambda::Permission', { Principal: 'lambda.alarms.cloudwatch.amazonaws.com' })).toMatchObject({
        Action: 'lambda:InvokeFunction',
        SourceAccount: '000000000000',
        SourceArn: `arn:aws:cloudwatch:${region}:000000000000:alarm:lifeboat-demo-*-down`,
      });
    },
  );

  it('all have words, a topic and a stance on missing data', () => {
    const alarms = Object.values(demo).flatMap((template) =>
      ofType(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties),
    );
    expect([...new Set(alarms.map(({ AlarmName }) => AlarmName))].sort()).toEqual(
      [
        'clock-skew',
        'failover-aborted',
        'failover-failed',
        'failover-timed-out',
        'failures',
        'ledger-silent',
        'orders-down',
        'orders-fence-pending',
        'orders-replication-lag',
        'orders-run-overdue',
        'orders-standby-silent',
        'watch-silent',
      ].map((name) => `lifeboat-demo-${name}`),
    );
    for (const { AlarmDescription, AlarmActions, TreatMissingData } of alarms) {
      expect(AlarmDescription).toMatch(/^[A-Z].+\. Runbook: docs\/runbook\.md#[a-z-]+ Not covered: .+\.$/);
      expect(AlarmActions).not.toEqual([]);
      expect(TreatMissingData).toMatch(/^(notB|b)reaching$/);
    }
  });

  it('need no metric math and no composite, which not every CloudFormation knows', () => {
    const text = JSON.stringify(demo);
    expect(text).not.toMatch(/CompositeAlarm|"Metrics":|MetricFilter/);
  });
});

describe('the failover machine', () => {
  it.each(Object.entries(sites))('%s: has no placeholder left, logs every event without its data, and is traced', (_, template) => {
    const machine = only(template, 'AWS::StepFunctions::StateMachine');
    expect(JSON.stringify(machine.DefinitionString)).not.toMatch(/\$\{\w+\}/);
    expect(machine).toMatchObject({
      StateMachineName: 'lifeboat-demo-failover',
      LoggingConfiguration: { Level: 'ALL', IncludeExecutionData: false },
      TracingConfiguration: { Enabled: true },
    });
  });
});

describe('the public', () => {
  it.each(Object.entries(observers))('%s: reaches the beacon in the recovery site, and nothing else', (kind, template) => {
    const open = Object.entries(template.Resources).filter(([, { Type, Properties }]) => {
      const principal = JSON.stringify((Properties as { Principal?: unknown } | undefined)?.Principal ?? '');
      return Type === 'AWS::Lambda::Url' || (Type === 'AWS::Lambda::Permission' && principal === '"*"');
    });
    expect(open.map(([, { Type, Properties }]) => [Type, Properties.AuthType ?? Properties.Action]).sort()).toEqual(
      kind !== 'recovery'
        ? []
        : [
            ['AWS::Lambda::Permission', 'lambda:InvokeFunction'],
            ['AWS::Lambda::Permission', 'lambda:InvokeFunctionUrl'],
            ['AWS::Lambda::Url', 'NONE'],
          ],
    ); // prettier-ignore
    for (const [, { Properties }] of open) expect(JSON.stringify(Properties)).toContain('AnswerBeacon');
  });

  it('cannot take the concurrency that the guard and a failover need, and leaves the checkers of each workload theirs', () => {
    const reservedIn = (template: Template, name: string) =>
      only(template, 'AWS::Lambda::Function', { FunctionName: `lifeboat-${name}-answer-beacon` }).ReservedConcurrentExecutions;
    expect(reservedIn(demo.recovery, 'demo')).toBe(13);
    const two = defineEnvironment(environment({ workloads: [workload('a'), workload('b')] }));
    const env = { account: two.account, region: two.sites.recovery.region };
    const props = { environment: two, site: 'recovery' as const, env, definitions };
    const template = synthesiseStack((app, code) => new SiteStack(app, 'recovery', { ...props, bundles: () => code }));
    expect(reservedIn(template, 'test')).toBe(16);
  });

  it("names: a pair that leaves the primary only when the recovery site's beacon says that it serves", () => {
    expect(only(demo.dns, 'AWS::Route53::HealthCheck').HealthCheckConfig).toEqual({
      Type: 'HTTPS',
      Port: 443,
      FullyQualifiedDomainName: { 'Fn::ImportValue': 'lifeboat-demo-beacon-host' },
      ResourcePath: { 'Fn::Join': ['/', ['/orders', { 'Fn::ImportValue': 'lifeboat-demo-beacon-token' }]] },
      RequestInterval: 10,
      FailureThreshold: 1,
      Inverted: true,
      EnableSNI: true,
    });
    const [, primary, recovery] = [
      undefined,
      ...['PRIMARY', 'SECONDARY'].map((Failover) => only(demo.dns, 'AWS::Route53::RecordSet', { Failover })),
    ];
    expect(primary).toMatchObject({
      Name: 'orders.demo.example.com',
      Type: 'CNAME',
      TTL: '10',
      HostedZoneName: 'demo.example.com.',
      ResourceRecords: ['orders.us-east-1.elb.amazonaws.com'],
      HealthCheckId: expect.anything(),
    });
    expect(recovery).toMatchObject({
      Name: 'orders.demo.example.com',
      Type: 'CNAME',
      ResourceRecords: ['orders.us-west-2.elb.amazonaws.com'],
    });
    expect(recovery).not.toHaveProperty('HealthCheckId');
  });

  it('names: the beacon is told the same token that its checker asks with', () => {
    const { Environment } = only(demo.recovery, 'AWS::Lambda::Function', { FunctionName: 'lifeboat-demo-answer-beacon' }) as {
      Environment: { Variables: Record<string, unknown> };
    };
    const exported = Object.values(demo.recovery.Outputs!).find(({ Export }) => Export?.Name === 'lifeboat-demo-beacon-token');
    expect(Environment.Variables.LIFEBOAT_BEACON_TOKEN).toEqual(exported!.Value);
  });
});
