import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Network, Processes, Region, Zone } from './types.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const SHOWN_CHARACTERS = 400;

export interface Operator {
  processes: Processes;
  network: Network;
  /** The run's folder, for the command's output. */
  folder: string;
  /** The gateway's URL for callers in a zone. */
  endpoint(zone: Zone): string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  /** File of the authorities that sign the databases' certificates. */
  authorities: string;
}

/** Run Lifeboat's own command line as a person does who stands in a zone: a laptop in the internet, a bastion in a region. */
export async function lifeboat(
  operator: Operator,
  zone: Zone,
  region: Region,
  words: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { processes, network, folder, endpoint, credentials, authorities } = operator;
  const name = `lifeboat-${words.slice(0, 2).join('-')}-${Date.now()}`;
  const child = processes.spawn(process.execPath, ['--import', 'tsx', 'bin/lifeboat.ts', ...words], {
    name,
    cwd: PROJECT,
    env: {
      ...network.environment(zone),
      NODE_EXTRA_CA_CERTS: authorities,
      AWS_ENDPOINT_URL: endpoint(zone),
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    },
  });
  const [code] = await once(child, 'exit', { signal });
  if (code !== 0) throw new Error(`lifeboat ${words.join(' ')} ended with ${code}: ${lastWords(join(folder, 'logs', `${name}.log`))}`);
}

const lastWords = (file: string): string => {
  try {
    return readFileSync(file, 'utf8').slice(-SHOWN_CHARACTERS).trim();
  } catch {
    return 'it said nothing';
  }
};
