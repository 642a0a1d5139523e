import type { Compute, SiteName, Workload } from '../kit/plan.ts';
import { EcsService } from './ecs-service.ts';

export interface ComputeReading {
  desired: number;
  ready: number;
}

/** The class 'compute' of resources: one adapter per kind, in the function's own region. Methods are idempotent. */
export interface ComputeAdapter {
  readonly name: string;
  read(): Promise<ComputeReading>;
  scale(to: number): Promise<void>;
}

export const computeOf = (workload: Workload): { adapter: ComputeAdapter; config: Compute }[] =>
  workload.compute.map((config) => ({ config, adapter: adapterFor(config) }));

/** How many tasks a site should run: as many as promised while it is active, the standby's number else. */
export const countFor = (config: Compute, site: SiteName, active: SiteName): number =>
  site === active ? config.activeCount : config.standbyCount;

const adapterFor = (config: Compute): ComputeAdapter => {
  switch (config.kind) {
    case 'ecs-service':
      return new EcsService(config);
  }
};
