export type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';

export interface InvokeOptions {
  /** Default: RequestResponse. */
  type?: InvocationType;
  qualifier?: string;
  clientContext?: string;
}

export interface InvokeResult {
  /** As the API answers: 200, 202 (Event) or 204 (DryRun). */
  status: number;
  requestId: string;
  version: string;
  functionError?: 'Unhandled';
  /** JSON; empty for Event and DryRun. */
  payload: Buffer;
  /** The last 4 KB of the invocation's log. */
  logTail: string;
}

/** `name`, `name:qualifier`, a partial or a full ARN. */
export function parseFunctionName(text: string): { name: string; qualifier?: string } {
  const parts = text.split(':');
  const [name = '', qualifier] = parts.includes('function') ? parts.slice(parts.indexOf('function') + 1) : parts;
  return { name, qualifier };
}
