import { createHash } from 'node:crypto';
import type { Region } from '../types.ts';
import type { FunctionDefinition } from './definitions.ts';

/** The access key with which a function signs its calls: its own in each region, so that a recorded call names its function. */
export function accessKeyOf(region: Region, functionName: string): string {
  const hash = createHash('sha256').update(`${region}/${functionName}`).digest('hex').toUpperCase();
  return `ASIA${hash.slice(0, 16)}`;
}

export function logGroupOf(functionName: string): string {
  return `/aws/lambda/${functionName}`;
}

/** Where Lambda's Node.js runtime keeps the authorities of AWS's own databases; a function names it in NODE_EXTRA_CA_CERTS to trust them. */
const RUNTIME_AUTHORITIES = '/var/runtime/ca-cert.pem';

/** What a function finds in `process.env`: its own configuration and what Lambda reserves, nothing of the host. */
export function sandboxEnvironment(
  definition: FunctionDefinition,
  endpoint: string,
  network: Record<string, string>,
  authorities?: string,
): Record<string, string> {
  const { region, name, version, environment } = definition;
  const nodeOptions = [network.NODE_OPTIONS, environment.NODE_OPTIONS].filter(Boolean).join(' ');
  return {
    ...environment,
    ...network,
    ...(nodeOptions && { NODE_OPTIONS: nodeOptions }),
    ...(authorities && environment.NODE_EXTRA_CA_CERTS === RUNTIME_AUTHORITIES && { NODE_EXTRA_CA_CERTS: authorities }),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyOf(region, name),
    AWS_SECRET_ACCESS_KEY: 'lab',
    AWS_SESSION_TOKEN: 'lab',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: logGroupOf(name),
    AWS_LAMBDA_LOG_STREAM_NAME: `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[${version}]lab`,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    _HANDLER: definition.handler,
    LAMBDA_TASK_ROOT: definition.taskRoot,
    TZ: ':UTC',
    LANG: 'en_US.UTF-8',
    // A folder that does not exist, as on AWS: no SDK reads the profile of whoever runs the lab.
    HOME: '/home/sbx_user1051',
    PATH: process.env.PATH ?? '',
  };
}
