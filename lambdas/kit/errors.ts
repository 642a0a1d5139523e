/**
 * Every error that a state machine may name. The class's name is the name in Retry and Catch, and the bundler keeps it: a contract
 * test compares these with the machines.
 */

/** Not yet: ask again. Steps wait by throwing this; the machine retries within a bound. Also what 'cannot tell' becomes. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

/** AWS or the network failed in a way that passes: throttling, a 5xx, a timeout. Retried with jitter. */
export class Transient extends Error {
  override readonly name = 'Transient';
}

/** The input is wrong; names the field and the fix. Nothing was done. */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
}

/** Another run holds the workload's claim. */
export class IncidentInProgress extends Error {
  override readonly name = 'IncidentInProgress';
}

/** Fresh probes do not show the outage that was reported. */
export class OutageNotConfirmed extends Error {
  override readonly name = 'OutageNotConfirmed';
}

/** The policy refuses the loss that a promotion would mean, or a lag that nobody could read. */
export class LagRefused extends Error {
  override readonly name = 'LagRefused';
}

/** A person said no. */
export class ApprovalRefused extends Error {
  override readonly name = 'ApprovalRefused';
}

/** Nobody answered in time, and the written policy does not go on without an answer. */
export class ApprovalTimedOut extends Error {
  override readonly name = 'ApprovalTimedOut';
}

/** The cool-down has ended while a person was asked: a new run looks again and needs nobody. */
export class CooldownOver extends Error {
  override readonly name = 'CooldownOver';
}

/** The lease or the claim moved on without us: this run must not go further. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** This host's clock is wrong by more than the sites may differ: a take now could come before the holder's time is over. */
export class ClockSkewed extends Error {
  override readonly name = 'ClockSkewed';
}

/** The database is in a state from which waiting does not help. */
export class DatabaseUnrecoverable extends Error {
  override readonly name = 'DatabaseUnrecoverable';
}

/** A restored copy showed that its recovery point cannot be used: damage, not a delay and not a fault of the network. */
export class CopyUnusable extends Error {
  override readonly name = 'CopyUnusable';
}

/** A repair would change something else than what was approved, or could not change all of it: nothing was done. */
export class RepairRefused extends Error {
  override readonly name = 'RepairRefused';
}

/** A dry run tried to change something: a defect of ours, stopped at the last door. */
export class DryRunWrite extends Error {
  override readonly name = 'DryRunWrite';
}

export type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));

const PASSING = new Set([
  'ThrottlingException',
  'Throttling',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'ProvisionedThroughputExceededException',
  'TimeoutError',
  'RequestTimeout',
  'AbortError',
  'InternalServerError',
  'InternalFailure',
  'ServiceUnavailable',
  'ReplicatedWriteConflictException',
]); // prettier-ignore
const NETWORK = new Set(['ECONNRESET', 'ECONNREFUSED', 'ETIMEDOUT', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN']);

/** Turns what passes by itself into `Transient`, in one place for all steps; every other error stays what it is. */
export const classify = (error: unknown): unknown => {
  if (!(error instanceof Error)) return error;
  const { $metadata, code } = error as Error & { $metadata?: { httpStatusCode?: number }; code?: string };
  const passing = PASSING.has(error.name) || NETWORK.has(code ?? '') || ($metadata?.httpStatusCode ?? 0) >= 500;
  return passing ? new Transient(messageOf(error), { cause: error }) : error;
};

/** Lambda's Cause is JSON with the message inside; keep the message, drop the trace. */
export const messageIn = (cause: string): string => {
  try {
    return String(JSON.parse(cause).errorMessage ?? cause);
  } catch {
    return cause;
  }
};
