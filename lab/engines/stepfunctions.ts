import { randomUUID } from 'node:crypto';
import { askEngine } from '../gateway/forward.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { AwsCall, AwsReply, Processes, Region } from '../types.ts';
import type { World } from '../world.ts';
import { Engine } from './engine.ts';

export interface StepFunctionsOptions {
  world: World;
  gateway: Gateway;
  processes: Processes;
  /** The interpreter that has `moto`. */
  python: string;
  /** Regions in which machines run. */
  regions: readonly Region[];
}

/** What concerns executions is moto's; state machines themselves are MiniStack's, where CloudFormation makes them. */
const ON_EXECUTIONS = [
  'StartExecution',
  'StartSyncExecution',
  'DescribeExecution',
  'DescribeStateMachineForExecution',
  'GetExecutionHistory',
  'ListExecutions',
  'StopExecution',
  'RedriveExecution',
  'SendTaskSuccess',
  'SendTaskFailure',
  'SendTaskHeartbeat',
  'ListMapRuns',
  'DescribeMapRun',
];

/** Operations that name a machine, which moto must know by then. */
const ON_MACHINES = new Set(['StartExecution', 'StartSyncExecution', 'ListExecutions']);

interface Machine {
  stateMachineArn: string;
  name: string;
  definition: string;
  roleArn: string;
  type?: string;
}

/**
 * Step Functions: moto's engine runs the machines that CloudFormation has made in MiniStack. A definition is copied at the first start
 * and again when it has changed. The tasks leave as signed calls through the gateway's port of the machine's region.
 */
export class StepFunctions {
  private readonly gateway: Gateway;
  private readonly engines: ReadonlyMap<Region, Engine>;
  /** The definition and role that moto has, by machine. */
  private readonly copied = new Map<string, string>();
  private copying: Promise<unknown> = Promise.resolve();

  static async start({ world, gateway, processes, python, regions }: StepFunctionsOptions): Promise<StepFunctions> {
    const start = async (region: Region): Promise<[Region, Engine]> => {
      const engine = await Engine.start(processes, {
        name: `moto-${region}`,
        readyPath: '/moto-api/',
        on: (port) => ({
          file: python,
          args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
          env: environment(region, gateway.endpoint(region)),
        }),
      });
      await configure(engine);
      return [region, engine];
    };
    const engines = new Map(await Promise.all(regions.map(start)));
    gateway.principals.set(PRINCIPAL_KEY, 'states');
    world.onBlackout({
      phase: 'control',
      dark: (region) => engines.get(region)?.freeze(),
      light: (region) => engines.get(region)?.thaw(),
    });
    return new StepFunctions(gateway, engines);
  }

  private constructor(gateway: Gateway, engines: ReadonlyMap<Region, Engine>) {
    this.gateway = gateway;
    this.engines = engines;
    gateway.register('states', (call) => this.answer(call), ON_EXECUTIONS);
  }

  private async answer(call: AwsCall): Promise<AwsReply> {
    const engine = this.engines.get(call.region);
    if (!engine) return askEngine(call, this.gateway.engineOf('states', call.region));
    if (ON_MACHINES.has(call.action)) {
      const problem = await this.copyMachine(call, engine);
      if (problem) return problem;
    }
    return askEngine(call.action === 'StartExecution' ? withName(call) : call, engine.url);
  }

  /** Make moto's copy of the called machine current. One at a time, so that two starts do not both create it. */
  private copyMachine(call: AwsCall, engine: Engine): Promise<AwsReply | undefined> {
    const copy = this.copying.then(() => this.copyNow(call, engine));
    this.copying = copy.catch(() => undefined);
    return copy;
  }

  private async copyNow(call: AwsCall, engine: Engine): Promise<AwsReply | undefined> {
    const { stateMachineArn } = JSON.parse(call.body.toString('utf8')) as { stateMachineArn?: string };
    const described = await this.ask(call, this.gateway.engineOf('states', call.region), 'DescribeStateMachine', { stateMachineArn });
    if (described.status !== 200) return described;
    const { name, roleArn, type, ...machine } = JSON.parse(String(described.body)) as Machine;
    const definition = withStartTime(machine.definition);
    const current = JSON.stringify([definition, roleArn]);
    const arn = stateMachineArn ?? '';
    if (this.copied.get(arn) === current) return undefined;
    const reply = this.copied.has(arn)
      ? await this.ask(call, engine.url, 'UpdateStateMachine', { stateMachineArn, definition, roleArn })
      : await this.ask(call, engine.url, 'CreateStateMachine', { name, definition, roleArn, type });
    if (reply.status !== 200) return reply;
    this.copied.set(arn, current);
    return undefined;
  }

  /** Another operation, as the same caller. */
  private ask(call: AwsCall, upstream: string, action: string, input: object): Promise<AwsReply> {
    const body = Buffer.from(JSON.stringify(input));
    const headers = { ...call.headers, 'x-amz-target': `AWSStepFunctions.${action}`, 'content-length': String(body.length) };
    return askEngine({ ...call, action, headers, body }, upstream);
  }
}

const START_TIME = '$$.Execution.StartTime';

/**
 * moto fails on `$$.Execution.StartTime`. In a machine's first state it is the time at which that state is entered, and so it is
 * written; anywhere else it stays, and the execution fails with moto's own words rather than run with another value.
 */
function withStartTime(definition: string): string {
  if (!definition.includes(START_TIME)) return definition;
  const machine = JSON.parse(definition) as { StartAt: string; States: Record<string, unknown> };
  const first = JSON.stringify(machine.States[machine.StartAt]).replaceAll(START_TIME, '$$$$.State.EnteredTime');
  return JSON.stringify({ ...machine, States: { ...machine.States, [machine.StartAt]: JSON.parse(first) } });
}

/** AWS names an execution that has no name; moto would call every one of them `None`. */
function withName(call: AwsCall): AwsCall {
  const input = { name: randomUUID(), ...(JSON.parse(call.body.toString('utf8')) as object) };
  const body = Buffer.from(JSON.stringify(input));
  return { ...call, body, headers: { ...call.headers, 'content-length': String(body.length) } };
}

/** The access key that moto's tasks sign with; it cannot be chosen. */
const PRINCIPAL_KEY = 'ak';

function environment(region: Region, endpoint: string): Record<string, string> {
  return {
    MOTO_ACCOUNT_ID: '000000000000',
    MOTO_PORT: new URL(endpoint).port,
    AWS_DEFAULT_REGION: region,
    PYTHONUNBUFFERED: '1',
  };
}

async function configure(engine: Engine): Promise<void> {
  const body = JSON.stringify({ stepfunctions: { execute_state_machine: true } });
  const response = await fetch(`${engine.url}/moto-api/config`, { method: 'POST', body, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`moto refused its configuration: ${response.status}.`);
}
