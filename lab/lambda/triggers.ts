import { type LambdaClient, paginateListFunctions, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';

/**
 * The engine's documented setting by which it forwards a function's events to an HTTP address instead of running a worker of its own.
 * It stays in the engine: no function sees it.
 */
export const FORWARD_VARIABLE = 'MINISTACK_LAMBDA_PROXY_URL';

/**
 * Makes the engine deliver its own triggers (topics, event buses, queues) of all functions of a region to `address(functionName)`.
 * Published versions cannot be changed: a trigger that names a version or an alias still runs in the engine.
 */
export async function forwardTriggers(client: LambdaClient, address: (functionName: string) => string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of paginateListFunctions({ client }, {})) {
    for (const { FunctionName = '', Environment } of page.Functions ?? []) {
      const Variables = { ...Environment?.Variables, [FORWARD_VARIABLE]: address(FunctionName) };
      await client.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
      names.push(FunctionName);
    }
  }
  return names;
}

/** Queues and streams wait for the function's answer; everything else hands its event over and goes on. */
export function awaitsAnswer(event: unknown): boolean {
  if (typeof event !== 'object' || event === null || !('Records' in event) || !Array.isArray(event.Records)) return false;
  const source = (event.Records[0] as { eventSource?: string } | undefined)?.eventSource;
  return source === 'aws:sqs' || source === 'aws:dynamodb' || source === 'aws:kinesis';
}
