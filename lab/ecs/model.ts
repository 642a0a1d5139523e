import type { ContainerDefinition, RegisterTaskDefinitionCommandInput, Tag } from '@aws-sdk/client-ecs';
import type { Region } from '../types.ts';

/** What an image gets to know of the task that it shall run. */
export interface TaskLaunch {
  region: Region;
  cluster: string;
  /** The service's name, or the task definition's family where no service started the task. */
  service: string;
  taskArn: string;
  /** The loopback port on which the container shall listen; also in `PORT`. */
  port: number;
  /** The container definition's environment. */
  environment: Record<string, string>;
}

/** How a container image runs as a process of this machine. */
export interface ImageCommand {
  command: string;
  args: readonly string[];
  env?: Record<string, string>;
}

/** The images that the lab can run, by the name in the container definition. */
export type Images = Record<string, (task: TaskLaunch) => ImageCommand>;

/** A registered revision. */
export interface TaskDefinition extends Omit<RegisterTaskDefinitionCommandInput, 'tags'> {
  family: string;
  revision: number;
  taskDefinitionArn: string;
  containerDefinitions: ContainerDefinition[];
  registeredAt: Date;
  tags: Tag[];
}

/** Times in milliseconds, short enough for a rehearsal. ECS's own defaults are in brackets. */
export interface EcsTimes {
  /** From SIGTERM to SIGKILL [30 s]. */
  stopTimeoutMs: number;
  /** First pause before a task that died is started again; doubles with each death. */
  backoffMs: number;
  backoffMaxMs: number;
  /** Between two health checks of a load balancer [30 s]. */
  healthIntervalMs: number;
  /** A health check without an answer by then has failed [5 s]. */
  healthTimeoutMs: number;
}

export const LAB_TIMES: EcsTimes = {
  stopTimeoutMs: 3_000,
  backoffMs: 250,
  backoffMaxMs: 8_000,
  healthIntervalMs: 500,
  healthTimeoutMs: 2_000,
};

/** A container's Docker label that names the health path of its load balancer; `/health` without it. */
export const HEALTH_PATH_LABEL = 'lab.healthPath';

/** The account that everything in the lab belongs to. */
export const ACCOUNT = '000000000000';

/** An error as ECS names it. */
export class EcsError extends Error {
  readonly status: number;
  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** The last segment of an ARN, or the name itself. */
export const nameOf = (nameOrArn: string): string => nameOrArn.split('/').at(-1) ?? nameOrArn;
