import type { Cluster, Service as ServiceShape, Task as TaskShape } from '@aws-sdk/client-ecs';
import { ACCOUNT } from './model.ts';
import type { Service } from './service.ts';
import type { Task } from './task.ts';

/** A cluster of one region, and the tags by ARN that its API keeps. */
export interface ClusterState {
  name: string;
  arn: string;
  services: Map<string, Service>;
}

/** A service as DescribeServices shows it. */
export function describeService(service: Service, clusterArn: string): ServiceShape {
  return {
    serviceArn: service.arn,
    serviceName: service.options.name,
    clusterArn,
    status: service.suspended ? 'DRAINING' : 'ACTIVE',
    desiredCount: service.desiredCount,
    ...service.counts(),
    launchType: 'FARGATE',
    platformVersion: 'LATEST',
    taskDefinition: service.definition.taskDefinitionArn,
    deploymentConfiguration: { maximumPercent: 200, minimumHealthyPercent: 100 },
    deployments: service.deploymentViews(),
    loadBalancers: service.options.loadBalancers,
    events: service.events,
    createdAt: service.createdAt,
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: 'ECS' },
  };
}

/** A task as DescribeTasks shows it. */
export function describeTask(task: Task, clusterArn: string): TaskShape {
  const container = task.order.definition.containerDefinitions[0];
  return {
    taskArn: task.arn,
    clusterArn,
    taskDefinitionArn: task.order.definition.taskDefinitionArn,
    group: `service:${task.order.service}`,
    startedBy: task.order.startedBy,
    launchType: 'FARGATE',
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    createdAt: task.createdAt,
    startedAt: task.startedAt,
    stoppedAt: task.stoppedAt,
    stoppedReason: task.stoppedReason,
    stopCode: task.stopCode,
    containers: [
      {
        containerArn: task.arn.replace(':task/', ':container/'),
        taskArn: task.arn,
        name: container?.name,
        image: container?.image,
        lastStatus: task.lastStatus,
        exitCode: task.exitCode,
        reason: task.containerReason,
        networkBindings: [{ bindIP: '127.0.0.1', containerPort: container?.portMappings?.[0]?.containerPort, hostPort: task.port }],
      },
    ],
  };
}

/** A cluster as DescribeClusters shows it. */
export function describeCluster(cluster: ClusterState): Cluster {
  const services = [...cluster.services.values()];
  const sum = (key: 'runningCount' | 'pendingCount') => services.reduce((total, service) => total + service.counts()[key], 0);
  return {
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: 'ACTIVE',
    runningTasksCount: sum('runningCount'),
    pendingTasksCount: sum('pendingCount'),
    activeServicesCount: services.length,
    registeredContainerInstancesCount: 0,
  };
}

/** The ARN of a cluster. */
export const clusterArn = (region: string, name: string): string => `arn:aws:ecs:${region}:${ACCOUNT}:cluster/${name}`;

/** JSON as AWS writes it: times are epoch seconds, absent members are left out. */
export function toWire(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(toWire);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toWire(member)]));
}
