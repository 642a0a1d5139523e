import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Region } from '../types.ts';
import type { Drill } from './drill.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** Answer a run's question as a person does: with the command that the question names. */
export async function approve(drill: Drill, region: Region, incident: string): Promise<void> {
  const { lab, signal } = drill.parts;
  const { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY } = lab.credentials;
  const env = { AWS_ENDPOINT_URL: lab.endpoint('internet'), AWS_REGION: region, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY };
  const words = ['approve', incident, '--workload', 'orders', '--env', 'demo', '--region', region];
  const command = ['--import', 'tsx', 'bin/lifeboat.ts', ...words];
  const child = lab.processes.spawn(process.execPath, command, { name: 'lifeboat-approve', cwd: PROJECT, env });
  const [code] = await once(child, 'exit', { signal });
  if (code !== 0) throw new Error(`lifeboat approve ended with ${code}; its log is in ${lab.folder}/logs`);
}
