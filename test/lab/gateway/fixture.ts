import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Gateway, type GatewayOptions } from '../../../lab/gateway/gateway.ts';
import { Supervisor } from '../../../lab/process/supervisor.ts';
import type { Region, Zone } from '../../../lab/types.ts';
import { World } from '../../../lab/world.ts';

export const EAST: Region = 'us-east-1';
export const WEST: Region = 'us-west-2';
export const WITNESS: Region = 'us-east-2';

export interface Fixture {
  world: World;
  gateway: Gateway;
  supervisor: Supervisor;
  /** What an AWS SDK client in this zone needs to call this region. Attempts are not repeated. */
  client(zone: Zone, region?: Region): ClientConfig;
  stop(): Promise<void>;
}

export interface ClientConfig {
  region: Region;
  endpoint: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
  maxAttempts: number;
  forcePathStyle: boolean;
}

/** A world, a gateway and a supervisor in a folder of their own. */
export async function startFixture(options: Partial<GatewayOptions> = {}, regions = [EAST, WEST, WITNESS]): Promise<Fixture> {
  const project = mkdtempSync(join(tmpdir(), 'lab-fixture-'));
  const supervisor = await Supervisor.start({ project });
  const world = options.world ?? new World(regions);
  const gateway = new Gateway({ blackholeMs: 300, ...options, world });
  await gateway.start();
  gateway.principals.set('test-key', 'tester');
  return {
    world,
    gateway,
    supervisor,
    client: (zone, region = zone) => ({
      region,
      endpoint: gateway.endpoint(zone),
      credentials: { accessKeyId: 'test-key', secretAccessKey: 'secret' },
      maxAttempts: 1,
      forcePathStyle: true,
    }),
    stop: async () => {
      await gateway.stop();
      await supervisor.stop();
      rmSync(supervisor.folder, { recursive: true, force: true });
      rmSync(project, { recursive: true, force: true });
    },
  };
}
