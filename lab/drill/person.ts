import type { Region } from '../types.ts';
import type { DrillLab } from './drill-lab.ts';

/** Longer than any answer but that of a function; shorter than any bound of a drill. */
const CALL_TIMEOUT_MS = 10_000;

interface PersonClient {
  region: Region;
  endpoint: string;
  credentials: DrillLab['credentials'];
  maxAttempts: number;
  requestHandler: { requestTimeout: number; connectionTimeout: number; throwOnRequestTimeout: true };
}

/**
 * Settings of an SDK client by which a person calls AWS, from the internet. A region that is dark is silence: without
 * `throwOnRequestTimeout` the SDK only warns of it, and waits.
 */
export const asPerson = (
  lab: Pick<DrillLab, 'endpoint' | 'credentials'>,
  region: Region,
  { credentials = lab.credentials, timeoutMs = CALL_TIMEOUT_MS }: { credentials?: DrillLab['credentials']; timeoutMs?: number } = {},
): PersonClient => ({
  region,
  endpoint: lab.endpoint('internet'),
  credentials,
  maxAttempts: 2,
  requestHandler: { requestTimeout: timeoutMs, connectionTimeout: timeoutMs, throwOnRequestTimeout: true },
});
