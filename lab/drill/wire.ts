import { randomUUID } from 'node:crypto';
import { type AlarmType, CloudWatchClient, DescribeAlarmsCommand, type MetricAlarm } from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { type DBInstance, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Region } from '../types.ts';
import type { DrillLab } from './drill-lab.ts';
import { statesOf } from './history.ts';
import type { Execution } from './judge/evidence.ts';
import { asPerson } from './person.ts';

/** A region that is dark must not hold up the look at the others. */
const LOOK_TIMEOUT_MS = 4_000;

/** The failover machine of one site. */
interface Machine {
  arn: string;
  functions: string[];
}

/** Names of the functions that a machine's definition can call. */
export const functionsIn = (definition: string): string[] => [
  ...new Set([...definition.matchAll(/:function:([A-Za-z0-9_-]+)/g)].map((match) => match[1]!)),
];

/** What can be seen of Lifeboat in one region, over the AWS API and as a person sees it. */
export class Wire {
  readonly region: Region;
  private readonly sfn: SFNClient;
  private readonly rds: RDSClient;
  private readonly cloudwatch: CloudWatchClient;
  private readonly lambda: LambdaClient;
  private machine?: Machine;

  constructor(lab: DrillLab, region: Region) {
    this.region = region;
    const settings = asPerson(lab, region, { timeoutMs: LOOK_TIMEOUT_MS });
    this.sfn = new SFNClient(settings);
    this.rds = new RDSClient(settings);
    this.cloudwatch = new CloudWatchClient(settings);
    this.lambda = new LambdaClient(settings);
  }

  /** The failover machine, found by its name. */
  async failoverMachine(): Promise<Machine> {
    if (this.machine) return this.machine;
    const { stateMachines = [] } = await this.sfn.send(new ListStateMachinesCommand({ maxResults: 1_000 }));
    const found = stateMachines.find((machine) => machine.name?.toLowerCase().includes('failover'));
    if (!found?.stateMachineArn) throw new Error(`no state machine with "failover" in its name in ${this.region}`);
    const { definition = '' } = await this.sfn.send(new DescribeStateMachineCommand({ stateMachineArn: found.stateMachineArn }));
    this.machine = { arn: found.stateMachineArn, functions: functionsIn(definition) };
    return this.machine;
  }

  /** Start the machine, as a person would; once, also where the answer comes late and the request is made again. */
  async start(input: object): Promise<string> {
    const { arn } = await this.failoverMachine();
    const started = await this.sfn.send(
      new StartExecutionCommand({ stateMachineArn: arn, name: randomUUID(), input: JSON.stringify(input) }),
    );
    return started.executionArn ?? '';
  }

  /** The executions so far with their states, oldest first. Those in `ended` are taken as they are. */
  async executions(ended: ReadonlyMap<string, Execution>): Promise<Execution[]> {
    const { arn } = await this.failoverMachine();
    const { executions = [] } = await this.sfn.send(new ListExecutionsCommand({ stateMachineArn: arn, maxResults: 100 }));
    const arns = executions.map((execution) => execution.executionArn ?? '');
    const found = await Promise.all(arns.map((one) => ended.get(one) ?? this.execution(one)));
    return found.sort((a, b) => a.startedAt - b.startedAt);
  }

  /** The alarms that watch a single metric. */
  async alarms(): Promise<MetricAlarm[]> {
    const types: AlarmType[] = ['MetricAlarm'];
    const { MetricAlarms = [] } = await this.cloudwatch.send(new DescribeAlarmsCommand({ AlarmTypes: types, MaxRecords: 100 }));
    return MetricAlarms;
  }

  /** The DB instances of the region. */
  async databases(): Promise<DBInstance[]> {
    return (await this.rds.send(new DescribeDBInstancesCommand({}))).DBInstances ?? [];
  }

  /** Have a function begin now what its schedule would begin within the minute; its end is not waited for. */
  async begin(functionName: string): Promise<void> {
    await this.lambda.send(new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event' }));
  }

  /** Stop an execution where it is, as a person would; what its functions are doing goes on. */
  async stopExecution(arn: string): Promise<void> {
    await this.sfn.send(new StopExecutionCommand({ executionArn: arn }));
  }

  stop(): void {
    this.rds.destroy();
    this.sfn.destroy();
    this.cloudwatch.destroy();
    this.lambda.destroy();
  }

  private async execution(arn: string): Promise<Execution> {
    const described = await this.sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
    return {
      region: this.region,
      arn,
      name: described.name ?? '',
      status: described.status ?? 'RUNNING',
      startedAt: described.startDate?.getTime() ?? 0,
      stoppedAt: described.stopDate?.getTime(),
      input: described.input ?? '{}',
      cause: described.cause ?? described.error,
      states: statesOf(await this.history(arn)),
      functions: (await this.failoverMachine()).functions,
    };
  }

  private async history(executionArn: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await this.sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1_000, nextToken }));
      events.push(...(page.events ?? []));
      nextToken = page.nextToken;
    } while (nextToken);
    return events;
  }
}
