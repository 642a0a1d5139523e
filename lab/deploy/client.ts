import type { Gateway } from '../gateway/gateway.ts';
import type { Region } from '../types.ts';

/** The access key of the lab's own preparations. */
const LAB_KEY = 'LAB';

export interface LabClientConfig {
  region: Region;
  endpoint: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  forcePathStyle: true;
}

/** Settings of an SDK client by which the lab itself calls AWS, from outside the regions; recorded as `lab`. */
export function labClient(gateway: Gateway, region: Region): LabClientConfig {
  gateway.principals.set(LAB_KEY, 'lab');
  const credentials = { accessKeyId: LAB_KEY, secretAccessKey: 'lab' };
  return { region, endpoint: gateway.endpoint('internet'), credentials, forcePathStyle: true };
}
