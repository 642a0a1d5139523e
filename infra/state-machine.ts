import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { DefinitionBody, LogLevel, StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { Alarm, type AlarmWords } from './alarm.ts';
import type { Foundation } from './foundation.ts';
import { acceptWildcard } from './nag.ts';
import { retriesWithin } from './retries.ts';
import type { Step } from './step.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface MachineProps {
  /** `<name>.asl.json` in `definitions`, and the last part of the machine's name. */
  name: string;
  /** The folder of the definitions. */
  definitions: string;
  /** Steps by placeholder: their functions' ARNs take its place, and the machine may invoke them. */
  steps: Record<string, Step>;
  /** Numbers by placeholder. */
  numbers: Record<string, number>;
  /** Longest wait in seconds by step: becomes the `MaxAttempts` of the retrier that names `${<Step>MaxAttempts}`. */
  waits: Record<string, number>;
  alarms: { failed: AlarmWords; timedOut: AlarmWords; aborted: AlarmWords };
}

/** One state machine from its text, which stays what the console shows but for its placeholders. */
export class Machine extends Construct {
  readonly machine: StateMachine;

  constructor(scope: Construct, id: string, foundation: Foundation, props: MachineProps) {
    super(scope, id);
    const { name, definitions, steps, numbers, waits } = props;
    const functions = Object.fromEntries(Object.entries(steps).map(([placeholder, step]) => [placeholder, step.function.functionArn]));
    const text = JSON.parse(readFileSync(join(definitions, `${name}.asl.json`), 'utf8')) as Json;
    const machineName = foundation.names.machine(name);
    this.machine = new StateMachine(this, 'Resource', {
      stateMachineName: machineName,
      definitionBody: DefinitionBody.fromString(
        Stack.of(this).toJsonString(substitute(text, { ...functions, ...numbers, ...attemptsOf(text, waits) })),
      ),
      role: this.createRole(foundation, Object.values(functions)),
      tracingEnabled: true,
      logs: {
        destination: this.createLogGroup(foundation, machineName),
        // Every transition, since the history in Step Functions goes after 90 days; no data, since data is what must not leak.
        level: LogLevel.ALL,
        includeExecutionData: false,
      },
    });
    this.createAlarms(foundation, machineName, props.alarms);
  }

  private createRole({ environment }: Foundation, functionArns: string[]): Role {
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('states.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': environment.account } },
      }),
    });
    role.addToPolicy(new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: functionArns }));
    acceptWildcard(role, '*', "X-Ray's records and the delivery of Step Functions' logs know no resources");
    return role;
  }

  private createLogGroup({ key }: Foundation, machineName: string): LogGroup {
    return new LogGroup(this, 'Logs', {
      // Under vendedlogs the account's policy for log delivery does not grow with each machine.
      logGroupName: `/aws/vendedlogs/states/${machineName}`,
      encryptionKey: key,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY, // as with a step's
    });
  }

  private createAlarms({ notification }: Foundation, machineName: string, words: MachineProps['alarms']): void {
    const metrics = {
      failed: this.machine.metricFailed(),
      timedOut: this.machine.metricTimedOut(),
      aborted: this.machine.metricAborted(),
    };
    for (const outcome of ['failed', 'timedOut', 'aborted'] as const) {
      new Alarm(this, `${outcome}Alarm`, {
        name: `${machineName}-${outcome === 'timedOut' ? 'timed-out' : outcome}`,
        metric: metrics[outcome].with({ statistic: 'Sum', period: Duration.minutes(1) }),
        threshold: 1,
        evaluationPeriods: 1,
        missing: 'notBreaching',
        topic: notification.topic,
        ...words[outcome],
      });
    }
  }
}

/**
 * `<Step>MaxAttempts` for each wait: as many retries as fit into it at the rhythm that the file itself gives beside the placeholder.
 * @throws RangeError when not one fits.
 */
export const attemptsOf = (definition: Json, waits: Record<string, number>): Record<string, number> => {
  const attempts: Record<string, number> = {};
  const visit = (node: Json): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const child of Object.values(node)) visit(child);
    if (Array.isArray(node) || typeof node.MaxAttempts !== 'string') return;
    const step = /^\$\{(\w+)MaxAttempts\}$/.exec(node.MaxAttempts)?.[1];
    const boundSeconds = step && waits[step];
    if (!boundSeconds) return; // substitute() names it
    const { IntervalSeconds, BackoffRate, MaxDelaySeconds } = node as Record<string, number>;
    const rhythm = { intervalSeconds: IntervalSeconds!, backoffRate: BackoffRate, maxDelaySeconds: MaxDelaySeconds! };
    attempts[`${step}MaxAttempts`] = retriesWithin({ boundSeconds, ...rhythm }).maxAttempts;
  };
  visit(definition);
  return attempts;
};

/**
 * Puts values in the place of strings that are exactly `${Name}`, so that numbers stay numbers and the file stays valid JSON.
 * @throws Error for a placeholder without a value, or a value without a placeholder: both are a misspelt name.
 */
export const substitute = (definition: Json, values: Record<string, string | number>): Json => {
  const used = new Set<string>();
  const unknown = new Set<string>();
  const visit = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(visit);
    if (typeof node === 'object' && node !== null)
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
    const name = typeof node === 'string' ? /^\$\{(\w+)\}$/.exec(node)?.[1] : undefined;
    if (name === undefined) return node;
    used.add(name);
    if (values[name] !== undefined) return values[name];
    unknown.add(name);
    return node;
  };
  const result = visit(definition);
  const unused = Object.keys(values).filter((name) => !used.has(name));
  const problems = [
    ...[...unknown].map((name) => `placeholder \${${name}} has no value`),
    ...unused.map((name) => `value ${name} is used by no placeholder`),
  ];
  if (problems.length > 0) throw new Error(`state machine: ${problems.join('; ')}`);
  return result;
};
