import { randomUUID } from 'node:crypto';
import type { AwsCall, AwsReply, AwsService, Network, Processes, Stoppable } from '../types.ts';
import type { World } from '../world.ts';
import { LoadBalancer } from './load-balancer.ts';
import { EcsError, type EcsTimes, type Images, LAB_TIMES, nameOf } from './model.ts';
import { RegionalEcs, type RegionalOptions } from './regional-ecs.ts';
import type { Launcher } from './task.ts';
import { toWire } from './views.ts';

export interface EcsOptions {
  world: World;
  processes: Processes;
  network: Network;
  /** Working directory of the tasks. */
  stateDir: string;
  images: Images;
  times?: Partial<EcsTimes>;
}

/**
 * ECS on loopback: the JSON 1.1 API, tasks as real processes, one load balancer per service. A blackout kills a region's tasks;
 * they are started again when the region returns.
 */
export class EcsService implements Stoppable {
  private readonly options: EcsOptions;
  private readonly times: EcsTimes;
  private readonly regions = new Map<string, RegionalEcs>();

  constructor(options: EcsOptions) {
    this.options = options;
    this.times = { ...LAB_TIMES, ...options.times };
    options.world.onBlackout({
      phase: 'compute',
      dark: async (region) => {
        const services = this.regions.get(region)?.services ?? [];
        for (const service of services) service.kill('The region lost its compute.');
        await Promise.all(services.flatMap((service) => service.tasks.map((task) => task.gone())));
      },
      light: (region) => {
        for (const service of this.regions.get(region)?.services ?? []) service.resume();
      },
    });
  }

  /** Answers one API call. */
  readonly handle: AwsService = async (call) => {
    try {
      const operation = this.region(call.region).operations[actionOf(call)];
      if (!operation) throw new EcsError('UnknownOperationException', `The lab's ECS does not know ${actionOf(call)}.`);
      return reply(200, await operation(JSON.parse(call.body.toString() || '{}') as never));
    } catch (error) {
      if (!(error instanceof EcsError)) throw error;
      return reply(error.status, { __type: error.name, message: error.message });
    }
  };

  async stop(): Promise<void> {
    const services = [...this.regions.values()].flatMap((region) => region.services);
    await Promise.all(services.map((service) => service.stop()));
  }

  private region(name: string): RegionalEcs {
    const region = this.regions.get(name) ?? new RegionalEcs({ region: name, platform: this.platform(name) });
    this.regions.set(name, region);
    return region;
  }

  private platform(region: string): RegionalOptions['platform'] {
    return async ({ loadBalancers, changed }) => {
      const launch = this.launcher(region);
      const name = balancerName(loadBalancers[0]);
      if (!name) return { launch, times: this.times };
      const balancer = new LoadBalancer({ name, times: this.times, changed });
      const port = await balancer.listen();
      this.options.network.publish(`${name}.${region}.elb.amazonaws.com`, 80, region, port);
      return { launch, balancer, times: this.times };
    };
  }

  private launcher(region: string): Launcher {
    return (launch, definition) => {
      const image = definition.containerDefinitions[0]?.image ?? '';
      const build = this.options.images[image];
      if (!build) throw new Error(`CannotPullContainerError: pull image manifest has been retried 1 time(s): ${image}: not found`);
      const { command, args, env } = build(launch);
      return this.options.processes.spawn(command, args, {
        name: `ecs-${region}-${launch.service}-${nameOf(launch.taskArn).slice(0, 8)}`,
        cwd: this.options.stateDir,
        env: { ...this.options.network.environment(region), AWS_REGION: region, ...env, ...launch.environment, PORT: String(launch.port) },
      });
    };
  }
}

/** The operation; the gateway knows it, and the header says it. */
const actionOf = (call: AwsCall): string => call.action || call.headers['x-amz-target']?.split('.').at(-1) || '';

function balancerName(setting: { loadBalancerName?: string; targetGroupArn?: string } | undefined): string | undefined {
  return setting?.loadBalancerName ?? setting?.targetGroupArn?.split('/').at(-2);
}

function reply(status: number, body: object): AwsReply {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() };
  return { status, headers, body: JSON.stringify(toWire(body)) };
}
