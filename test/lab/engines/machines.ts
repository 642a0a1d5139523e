import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  type SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import type { AwsCall, AwsReply } from '../../../lab/types.ts';

/** Lambda functions of a test, as plain functions. A thrown error is what a function's own error is to its caller. */
export type Functions = Record<string, (payload: Record<string, unknown>) => unknown>;

/** The Invoke operation over plain functions. */
export function invokeOver(functions: Functions): (call: AwsCall) => Promise<AwsReply> {
  return async (call) => {
    const name = decodeURIComponent(/functions\/([^/]+)\/invocations/.exec(call.path)?.[1] ?? '')
      .split(':')
      .at(-1)!;
    try {
      const result = await functions[name]!(JSON.parse(call.body.toString('utf8') || '{}'));
      return { status: 200, body: JSON.stringify(result ?? null) };
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      return {
        status: 200,
        headers: { 'x-amz-function-error': 'Unhandled' },
        body: JSON.stringify({ errorType, errorMessage, trace: [] }),
      };
    }
  };
}

export type State = Record<string, unknown>;

/** A task that invokes a function with a payload. */
export const invoke = (functionName: string, payload: object, more: State = {}): State => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: functionName, ...payload },
  ResultSelector: { 'value.$': '$.Payload' },
  ...more,
});

/** A machine of these states; starts at the first. */
export const machine = (states: Record<string, State>, more: State = {}): object => ({
  StartAt: Object.keys(states)[0],
  States: states,
  ...more,
});

export class Machines {
  readonly client: SFNClient;
  private count = 0;

  constructor(client: SFNClient) {
    this.client = client;
  }

  async create(definition: object): Promise<string> {
    const command = new CreateStateMachineCommand({
      name: `machine-${++this.count}`,
      definition: JSON.stringify(definition),
      roleArn: 'arn:aws:iam::000000000000:role/machine',
    });
    return (await this.client.send(command)).stateMachineArn!;
  }

  /** Create, start and wait for the end. */
  async run(definition: object, input: object = {}, name?: string): Promise<DescribeExecutionOutput & { result: unknown }> {
    const stateMachineArn = await this.create(definition);
    const { executionArn } = await this.client.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input), name }));
    return this.end(executionArn!);
  }

  async end(executionArn: string, timeoutMs = 15_000): Promise<DescribeExecutionOutput & { result: unknown }> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const execution = await this.client.send(new DescribeExecutionCommand({ executionArn }));
      if (execution.status !== 'RUNNING') return { ...execution, result: execution.output ? JSON.parse(execution.output) : undefined };
      if (Date.now() > deadline) throw new Error(`Still running after ${timeoutMs} ms.`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
