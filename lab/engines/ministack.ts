import type { Gateway } from '../gateway/gateway.ts';
import type { Processes, Region } from '../types.ts';
import type { World } from '../world.ts';
import { Engine } from './engine.ts';

export interface MiniStackOptions {
  world: World;
  gateway: Gateway;
  processes: Processes;
  /** The interpreter that has `ministack`. */
  python: string;
}

/** The process that serves what is not a region's own: IAM, STS and DynamoDB's global tables. No blackout stops it. */
const GLOBAL = 'global';

/**
 * MiniStack: one process for each region, so that a region can go dark with all that runs in it, and one for the services and tables
 * that outlive a region. What its functions call goes through the gateway's port of their region.
 */
export async function startMiniStack({ world, gateway, processes, python }: MiniStackOptions): Promise<void> {
  const start = async (name: string, region: Region): Promise<[string, Engine]> => {
    const engine = await Engine.start(processes, {
      name: `ministack-${name}`,
      readyPath: '/_ministack/health',
      on: (port) => ({ file: python, args: ['-m', 'ministack'], env: environment(port, region, gateway.endpoint(region)) }),
    });
    return [name, engine];
  };
  const home = world.regions[0]!;
  const engines = new Map(await Promise.all([start(GLOBAL, home), ...world.regions.map((region) => start(region, region))]));
  gateway.upstream('default', (region) => engines.get(region)?.url);
  gateway.upstream(GLOBAL, () => engines.get(GLOBAL)?.url);
  world.onBlackout({
    phase: 'control',
    dark: (region) => engines.get(region)?.freeze(),
    light: (region) => engines.get(region)?.thaw(),
  });
}

function environment(port: number, region: Region, endpoint: string): Record<string, string> {
  return {
    GATEWAY_PORT: String(port),
    BIND_HOST: '127.0.0.1',
    MINISTACK_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL: endpoint,
    // Idle workers of its own Lambda engine cost 44 MB each.
    LAMBDA_WARM_TTL_SECONDS: '10',
    // Listeners on fixed ports that nobody here uses.
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    LOG_LEVEL: 'WARNING',
    PYTHONUNBUFFERED: '1',
  };
}
