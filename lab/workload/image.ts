import type { Images } from '../ecs/model.ts';
import type { WorkloadPrograms } from './bundle.ts';
import { ORDERS_IMAGE } from './provision.ts';

/** The workload's images, for the lab's ECS. */
export function workloadImages(programs: WorkloadPrograms): Images {
  return { [ORDERS_IMAGE]: () => ({ command: process.execPath, args: [programs.ordersService] }) };
}
