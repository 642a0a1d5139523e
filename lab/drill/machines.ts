import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  ListStateMachinesCommand,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';
import type { DrillLab } from './drill-lab.ts';
import { until } from './patience.ts';
import { asPerson } from './person.ts';
import { functionsIn } from './wire.ts';

const POLL_MS = 250;

/** How an execution ended. */
export interface Ended {
  name: string;
  status: string;
  /** JSON, parsed; empty where there is none. */
  output: Record<string, unknown>;
  cause?: string;
  /** Epoch milliseconds. */
  startedAt: number;
  stoppedAt: number;
  seconds: number;
}

/** What is needed of a drill to start machines and follow them. */
type MachinesOf = Pick<Drill, 'environment' | 'note'> & {
  lab: Pick<DrillLab, 'endpoint' | 'credentials'>;
  parts: Pick<Drill['parts'], 'signal' | 'progress'>;
};

/** The machines of one region that are not the failover's, as a person starts and follows them. */
export class Machines {
  private readonly sfn: SFNClient;

  constructor(
    private readonly drill: MachinesOf,
    private readonly region: Region,
  ) {
    this.sfn = new SFNClient(asPerson(drill.lab, region));
  }

  /** Starts a machine, by what it is called in its environment. */
  async start(machine: string, input: object): Promise<string> {
    const stateMachineArn = await this.find(machine);
    const name = `drill-${machine}-${Date.now()}`;
    const { executionArn } = await this.sfn.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    return executionArn!;
  }

  /** Names of the functions that a machine's definition can call. */
  async functions(machine: string): Promise<string[]> {
    const stateMachineArn = await this.find(machine);
    const { definition = '' } = await this.sfn.send(new DescribeStateMachineCommand({ stateMachineArn }));
    return functionsIn(definition);
  }

  async ended(executionArn: string, boundMs: number): Promise<Ended> {
    const deadline = Date.now() + boundMs;
    for (;;) {
      this.drill.parts.signal.throwIfAborted();
      const run = await this.sfn.send(new DescribeExecutionCommand({ executionArn }));
      if (run.status !== 'RUNNING') {
        const startedAt = run.startDate?.getTime() ?? 0;
        const stoppedAt = run.stopDate?.getTime() ?? Date.now();
        return {
          name: run.name ?? '',
          status: run.status ?? '',
          output: JSON.parse(run.output ?? '{}'),
          cause: run.cause ?? run.error,
          startedAt,
          stoppedAt,
          seconds: (stoppedAt - startedAt) / 1_000,
        };
      }
      if (Date.now() > deadline) throw new Error(`${run.name} in ${this.region} still runs after ${boundMs / 1_000} s`);
      await sleep(POLL_MS);
    }
  }

  /** Where an execution stands at this moment. */
  async now(executionArn: string): Promise<{ status: string; cause?: string }> {
    const { status = '', cause, error } = await this.sfn.send(new DescribeExecutionCommand({ executionArn }));
    return { status, cause: cause ?? error };
  }

  /** Starts a machine and waits for its end. */
  async run(machine: string, input: object, boundMs: number): Promise<Ended> {
    this.drill.parts.progress.phase(`${machine} in ${this.region}`);
    const ended = await this.ended(await this.start(machine, input), boundMs);
    this.drill.note(
      `${this.region}: ${machine} ${ended.status} in ${ended.seconds.toFixed(1)} s${ended.cause ? ` (${ended.cause.slice(0, 200)})` : ''}`,
    );
    return ended;
  }

  /** Waits until the execution's history tells something, as a person who looks at it in the console would see it. */
  async shows(executionArn: string, text: RegExp, boundMs: number): Promise<string> {
    return until(
      `history that shows ${text}`,
      async () => {
        const { events = [] } = await this.sfn.send(
          new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 1_000 }),
        );
        return events.map((event) => JSON.stringify(event)).find((event) => text.test(event));
      },
      boundMs,
    );
  }

  /** Names of the functions that an execution has called so far, once for each time. */
  async invoked(executionArn: string): Promise<string[]> {
    const names: string[] = [];
    let nextToken: string | undefined;
    do {
      const page = await this.sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1_000, nextToken }));
      const scheduled = (page.events ?? []).map(({ lambdaFunctionScheduledEventDetails: details }) => details?.resource ?? '');
      names.push(...scheduled.flatMap(functionsIn));
      nextToken = page.nextToken;
    } while (nextToken);
    return names;
  }

  async stop(executionArn: string): Promise<void> {
    await this.sfn.send(new StopExecutionCommand({ executionArn }));
  }

  close(): void {
    this.sfn.destroy();
  }

  private async find(machine: string): Promise<string> {
    const { stateMachines = [] } = await this.sfn.send(new ListStateMachinesCommand({ maxResults: 1_000 }));
    const found = stateMachines.find(({ name }) => name === `lifeboat-${this.drill.environment}-${machine}`);
    if (!found?.stateMachineArn) throw new Error(`no state machine ${machine} in ${this.region}`);
    return found.stateMachineArn;
  }
}
