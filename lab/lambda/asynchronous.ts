import { setTimeout as delay } from 'node:timers/promises';
import { type LambdaClient, ListFunctionEventInvokeConfigsCommand } from '@aws-sdk/client-lambda';
import type { Delivery } from './deliver.ts';
import { LambdaApiError } from './errors.ts';
import type { InvokeResult } from './invocation.ts';

const LATEST = '$LATEST';

/** An event that Lambda has accepted (202) and now owns. */
export interface AcceptedEvent {
  requestId: string;
  functionName: string;
  qualifier?: string;
  functionArn: string;
  payload: Buffer;
  acceptedAt: number;
  deadLetterArn?: string;
}

export interface AsynchronousOptions {
  attempt: (event: AcceptedEvent) => Promise<InvokeResult>;
  deliver: (delivery: Delivery) => Promise<void>;
  client: LambdaClient;
  /** Before the second and the third attempt. AWS waits one and two minutes; a rehearsal need not. */
  retryDelaysMs: readonly number[];
  throttleDelayMs: number;
  signal: AbortSignal;
}

interface Policy {
  retries: number;
  maxAgeMs: number;
  onFailure?: string;
  onSuccess?: string;
}

/** Runs an accepted event to its end: attempts, then the destination or dead-letter queue. Never rejects but on abort. */
export async function process(event: AcceptedEvent, options: AsynchronousOptions): Promise<void> {
  const policy = await policyOf(event, options.client);
  let attempts = 0;
  let result: InvokeResult | undefined;
  let condition = 'RetriesExhausted';
  for (;;) {
    const outcome = await attemptOnce(event, options);
    if (outcome !== 'throttled') {
      attempts++;
      result = outcome;
      if (!result.functionError) return onSuccess(event, policy, result, attempts, options);
      if (attempts > policy.retries) break;
    }
    const waitMs =
      outcome === 'throttled' ? options.throttleDelayMs : (options.retryDelaysMs[attempts - 1] ?? options.retryDelaysMs.at(-1) ?? 0);
    if (Date.now() + waitMs - event.acceptedAt > policy.maxAgeMs) {
      condition = 'EventAgeExceeded';
      break;
    }
    await delay(waitMs, undefined, { signal: options.signal });
  }
  if (policy.onFailure) await options.deliver({ arn: policy.onFailure, body: record(event, condition, attempts, result) });
  if (event.deadLetterArn)
    await options.deliver({ arn: event.deadLetterArn, body: event.payload.toString(), attributes: reason(event, result) });
}

async function attemptOnce(event: AcceptedEvent, { attempt }: AsynchronousOptions): Promise<InvokeResult | 'throttled'> {
  try {
    return await attempt(event);
  } catch (error) {
    // Throttles and faults of the service are tried again for as long as the event lives, and are no attempts of the function.
    if (error instanceof LambdaApiError && error.retryable) return 'throttled';
    throw error;
  }
}

async function onSuccess(
  event: AcceptedEvent,
  { onSuccess: arn }: Policy,
  result: InvokeResult,
  attempts: number,
  options: AsynchronousOptions,
): Promise<void> {
  if (arn) await options.deliver({ arn, body: record(event, 'Success', attempts, result) });
}

async function policyOf({ functionName, qualifier }: AcceptedEvent, client: LambdaClient): Promise<Policy> {
  // With the control plane down the defaults serve.
  const configs = await client.send(new ListFunctionEventInvokeConfigsCommand({ FunctionName: functionName })).catch(() => undefined);
  // The unqualified function and `$LATEST` are one; the engine lists them under the name by which the configuration was made.
  const config = configs?.FunctionEventInvokeConfigs?.find(
    ({ FunctionArn = '' }) => (FunctionArn.split(':')[7] ?? LATEST) === (qualifier ?? LATEST),
  );
  return {
    retries: config?.MaximumRetryAttempts ?? 2,
    maxAgeMs: (config?.MaximumEventAgeInSeconds ?? 21_600) * 1000,
    onFailure: config?.DestinationConfig?.OnFailure?.Destination,
    onSuccess: config?.DestinationConfig?.OnSuccess?.Destination,
  };
}

/** The record that a destination receives. */
function record(event: AcceptedEvent, condition: string, attempts: number, result: InvokeResult | undefined): string {
  return JSON.stringify({
    version: '1.0',
    timestamp: new Date().toISOString(),
    requestContext: { requestId: event.requestId, functionArn: event.functionArn, condition, approximateInvokeCount: attempts },
    requestPayload: JSON.parse(event.payload.toString()),
    responseContext: { statusCode: 200, executedVersion: result?.version ?? '$LATEST', functionError: result?.functionError },
    responsePayload: result ? JSON.parse(result.payload.toString()) : undefined,
  });
}

/** The attributes of a dead letter; its body is the event itself. */
function reason(event: AcceptedEvent, result: InvokeResult | undefined): Record<string, string> {
  const { errorMessage = 'no attempt succeeded' } = result ? (JSON.parse(result.payload.toString()) as { errorMessage?: string }) : {};
  return { RequestID: event.requestId, ErrorCode: '200', ErrorMessage: errorMessage.slice(0, 1024) || '-' };
}
