/** An error that the Lambda API itself answers with (as opposed to an error of the function). */
export class LambdaApiError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further members of the answer's body, for example `Reason`. */
  readonly detail: Record<string, string>;

  constructor(code: string, status: number, message: string, detail: Record<string, string> = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    this.detail = detail;
  }

  /** Worth another attempt: throttled, or the service's fault. */
  get retryable(): boolean {
    return this.status === 429 || this.status >= 500;
  }
}

export type ThrottleReason = 'ReservedFunctionConcurrentInvocationLimitExceeded' | 'ConcurrentInvocationLimitExceeded';

export function throttled(reason: ThrottleReason): LambdaApiError {
  return new LambdaApiError('TooManyRequestsException', 429, 'Rate Exceeded.', { Reason: reason });
}

/** What a function's failure looks like in the payload; `errorType` is what Step Functions matches in Retry and Catch. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

export function timedOut(requestId: string, timeoutSeconds: number): FunctionError {
  return {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds`,
  };
}

export function exited(requestId: string, code: number | null, signal: NodeJS.Signals | null): FunctionError {
  const how = signal
    ? `with error: signal: ${signal === 'SIGKILL' ? 'killed' : signal}`
    : code
      ? `with error: exit status ${code}`
      : 'without providing a reason';
  return { errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: Runtime exited ${how}` };
}
