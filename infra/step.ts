import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  Code,
  EventInvokeConfig,
  type Function as IHandler,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Foundation } from './foundation.ts';
import { acceptWildcard } from './nag.ts';
import { inParts, type Right } from './rights/right.ts';
import { pascalName, type StepName } from './steps.ts';

export interface StepProps {
  step: StepName;
  description: string;
  timeoutSeconds: number;
  memoryMb: number;
  /** Everything that the step may do beyond logging and tracing. */
  rights: readonly Right[][];
  /** It speaks SQL: it runs in the site's network, where the environment names one. */
  sql?: boolean;
  /** It looks into restored copies: it runs in the site's isolated network, and nowhere else. */
  isolated?: boolean;
  /** It writes to something that the region's key encrypts: the topic, the evidence. */
  usesKey?: boolean;
  /** It is invoked without anybody waiting for the answer: what fails for good goes to the dead-letter queue. */
  asynchronous?: { retries: 0 | 1 | 2; maxAgeSeconds: number };
  variables?: Record<string, string>;
  /** Follows a trace that its caller began, and begins none: for what is asked so often that traces would cost more than the answers. */
  tracesCallersOnly?: boolean;
  /** Where another account trusts the step's role by its name; else CloudFormation names it. */
  roleName?: string;
  /** The most of it that runs at once, for what the public can start. Lambda keeps 100 of the account's concurrency for all others. */
  reservedConcurrency?: number;
}

const TRACING_REASON = "X-Ray's records and a function's network interfaces know no resources";

/** One Lambda step: its function, its own role, its log group, and nothing that another step could use. */
export class Step extends Construct {
  readonly function: IHandler;

  constructor(scope: Construct, foundation: Foundation, props: StepProps) {
    super(scope, pascalName(props.step));
    const { names, key, environment } = foundation;
    const functionName = names.function(props.step);
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/aws/lambda/${functionName}`,
      encryptionKey: key,
      retention: RetentionDays.ONE_MONTH,
      // Evidence is in the bucket and the ledger: a kept log group would only stand in the way of the next deployment under its name.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.createRole(foundation, props, logGroup);
    this.function = new LambdaFunction(this, 'Function', {
      functionName,
      description: props.description,
      code: Code.fromAsset(foundation.bundles(props.step)),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      reservedConcurrentExecutions: props.reservedConcurrency,
      role,
      logGroup,
      tracing: props.tracesCallersOnly ? Tracing.PASS_THROUGH : Tracing.ACTIVE,
      environment: {
        LIFEBOAT_LEDGER_TABLE: names.ledger,
        LIFEBOAT_OBSERVATIONS_TABLE: names.observations,
        LIFEBOAT_TOPIC_ARN: foundation.notification.topic.topicArn,
        // Node.js runtimes from 20 on load the authorities of RDS only when they are named. AWS, Lambda developer guide, 'Node.js'.
        ...(props.sql || props.isolated ? { NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' } : {}),
        ...props.variables,
      },
    });
    const { network, isolation } = foundation.site ? environment.sites[foundation.site] : {};
    if (props.isolated && isolation) this.attach(role, isolation, names.functionArn(props.step, foundation.region));
    if (props.sql && network) this.attach(role, network, names.functionArn(props.step, foundation.region));
    if (props.asynchronous) this.catchFailures(role, foundation, props.asynchronous);
  }

  private createRole(foundation: Foundation, { step, rights, usesKey, roleName }: StepProps, logGroup: LogGroup): Role {
    const role = new Role(this, 'Role', {
      roleName,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      description: `Lifeboat ${foundation.environment.name}: ${step}`,
    });
    logGroup.grantWrite(role);
    const reasons: Record<string, string> = {};
    for (const { statement, wildcards } of rights.flat()) {
      for (const part of inParts(statement)) role.addToPolicy(part);
      for (const [resource, reason] of Object.entries(wildcards)) reasons[resource] = reason;
    }
    reasons['*'] = [TRACING_REASON, reasons['*']].filter(Boolean).join('; ');
    for (const [resource, reason] of Object.entries(reasons)) acceptWildcard(role, resource, reason);
    if (usesKey) role.addToPolicy(foundation.useKey());
    return role;
  }

  /** Subnets and groups as the environment names them, without any lookup. Lambda needs the interface rights; the code may not use them. */
  private attach(
    role: Role,
    { subnetIds, securityGroupIds }: { subnetIds: string[]; securityGroupIds: string[] },
    functionArn: string,
  ): void {
    (this.function.node.defaultChild as CfnFunction).vpcConfig = { subnetIds, securityGroupIds };
    const actions = ['CreateNetworkInterface', 'DescribeNetworkInterfaces', 'DescribeSubnets', 'DeleteNetworkInterface'].map(
      (action) => `ec2:${action}`,
    );
    role.addToPolicy(new PolicyStatement({ actions, resources: ['*'] }));
    const byTheCode = { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } };
    role.addToPolicy(new PolicyStatement({ effect: Effect.DENY, actions, resources: ['*'], conditions: byTheCode }));
  }

  private catchFailures(role: Role, foundation: Foundation, { retries, maxAgeSeconds }: { retries: number; maxAgeSeconds: number }): void {
    const { failures } = foundation.notification;
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [failures.queueArn] }));
    role.addToPolicy(foundation.useKey());
    new EventInvokeConfig(this, 'OnFailure', {
      function: this.function,
      onFailure: { bind: () => ({ destination: failures.queueArn }) },
      retryAttempts: retries,
      maxEventAge: Duration.seconds(maxAgeSeconds),
    });
  }
}
