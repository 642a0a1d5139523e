import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import type { Processes } from '../types.ts';

export interface CdkOptions {
  processes: Processes;
  /** Folder of the app: where `cdk.json` is. */
  project: string;
  /** The gateway's endpoint for a caller outside the regions. */
  endpoint: string;
  accessKey: string;
  log: (line: string) => void;
  signal?: AbortSignal;
}

const TIMEOUT_MS = 5 * 60_000;
/** Lines kept for the message when the CLI fails. */
const TAIL_LINES = 25;

/** Run the real CDK command line against the lab. Fails with the end of its output. */
export async function cdk(args: readonly string[], { processes, project, endpoint, accessKey, log, signal }: CdkOptions): Promise<void> {
  const cli = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk');
  const common = ['--ci', '--no-notices', '--no-version-reporting', '--no-color'];
  const child = processes.spawn(process.execPath, [cli, ...args, ...common], {
    name: `cdk-${args[0]}`,
    cwd: project,
    pipe: true,
    env: environment(endpoint, accessKey),
  });
  const tail: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      if (line.trim() === '') return;
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      log(line);
    });
  }
  const end = () => child.kill('SIGKILL');
  const timer = setTimeout(end, TIMEOUT_MS);
  signal?.addEventListener('abort', end, { once: true });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
  signal?.throwIfAborted();
  if (code !== 0) throw new Error(`cdk ${args[0]} failed:\n${tail.join('\n')}`);
}

/** Nothing of the person's own AWS settings: neither keys nor profile may ever reach the lab, or the lab's calls AWS. */
function environment(endpoint: string, accessKey: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_REGION: 'us-east-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    CDK_DISABLE_VERSION_CHECK: 'true',
    NODE_NO_WARNINGS: '1',
  };
}
