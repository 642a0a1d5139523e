import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { guarded, localCalls } from '../kit/clients.ts';
import { NotReady } from '../kit/errors.ts';
import type { Compute } from '../kit/plan.ts';
import type { ComputeAdapter, ComputeReading } from './compute.ts';

/** An ECS service: scaled by its desired count, ready when that many tasks run. */
export class EcsService implements ComputeAdapter {
  readonly name: string;
  private readonly ecs = guarded(new ECSClient(localCalls));

  constructor(private readonly config: Compute) {
    this.name = config.name;
  }

  /** @throws NotReady when ECS does not list the service: a read that finds nothing proves no absence. */
  async read(): Promise<ComputeReading> {
    const { cluster, service } = this.config;
    const { services, failures } = await this.ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    const found = services?.[0];
    if (!found) throw new NotReady(`ECS service ${cluster}/${service} cannot be read: ${failures?.[0]?.reason ?? 'no answer'}`);
    return { desired: found.desiredCount ?? 0, ready: found.runningCount ?? 0 };
  }

  async scale(to: number): Promise<void> {
    const { cluster, service } = this.config;
    await this.ecs.send(new UpdateServiceCommand({ cluster, service, desiredCount: to }));
  }
}
