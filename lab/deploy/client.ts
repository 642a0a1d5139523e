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

/** Settings of an SDK client by which the lab itself calls AWS, from outside the regions; recorded as `lab`. In another account where one is named. */
export function labClient(gateway: Gateway, region: Region, account?: string): LabClientConfig {
  const key = account ? `${LAB_KEY}${account}` : LAB_KEY;
  gateway.principals.set(key, 'lab');
  if (account) gateway.accounts.set(key, account);
  const credentials = { accessKeyId: key, secretAccessKey: 'lab' };
  return { region, endpoint: gateway.endpoint('internet'), credentials, forcePathStyle: true };
}
