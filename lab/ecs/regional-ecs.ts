import type * as Ecs from '@aws-sdk/client-ecs';
import { ACCOUNT, EcsError, nameOf, type TaskDefinition } from './model.ts';
import { Service, type ServiceOptions } from './service.ts';
import type { Task } from './task.ts';
import { type ClusterState, clusterArn, describeCluster, describeService, describeTask } from './views.ts';

/** What a region's ECS needs from outside. */
export interface RegionalOptions {
  region: string;
  /** Make the load balancer's name known and give the service what it runs on. */
  platform: (service: {
    name: string;
    loadBalancers: Ecs.LoadBalancer[];
    changed: () => void;
  }) => Promise<Pick<ServiceOptions, 'balancer' | 'launch' | 'times'>>;
}

type Operation = (input: never) => Promise<object> | object;

/** ECS of one region: its clusters, task definitions and services, and the operations on them. */
export class RegionalEcs {
  readonly region: string;
  private readonly options: RegionalOptions;
  private readonly clusters = new Map<string, ClusterState>();
  private readonly families = new Map<string, TaskDefinition[]>();
  private readonly tags = new Map<string, Ecs.Tag[]>();

  /** The API operations by name. */
  readonly operations: Record<string, Operation> = {
    CreateCluster: (input: Ecs.CreateClusterRequest) => this.createCluster(input),
    DescribeClusters: (input: Ecs.DescribeClustersRequest) => this.describeClusters(input),
    RegisterTaskDefinition: (input: Ecs.RegisterTaskDefinitionRequest) => this.registerTaskDefinition(input),
    DescribeTaskDefinition: (input: Ecs.DescribeTaskDefinitionRequest) => this.describeTaskDefinition(input),
    CreateService: (input: Ecs.CreateServiceRequest) => this.createService(input),
    UpdateService: (input: Ecs.UpdateServiceRequest) => this.updateService(input),
    DescribeServices: (input: Ecs.DescribeServicesRequest) => this.describeServices(input),
    ListServices: (input: Ecs.ListServicesRequest) => ({
      serviceArns: [...this.cluster(input.cluster).services.values()].map((s) => s.arn),
    }),
    ListTasks: (input: Ecs.ListTasksRequest) => this.listTasks(input),
    DescribeTasks: (input: Ecs.DescribeTasksRequest) => this.describeTasks(input),
    StopTask: (input: Ecs.StopTaskRequest) => this.stopTask(input),
    TagResource: (input: Ecs.TagResourceRequest) => this.tagResource(input),
    ListTagsForResource: (input: Ecs.ListTagsForResourceRequest) => ({ tags: this.tags.get(input.resourceArn ?? '') ?? [] }),
  };

  constructor(options: RegionalOptions) {
    this.options = options;
    this.region = options.region;
  }

  get services(): Service[] {
    return [...this.clusters.values()].flatMap((cluster) => [...cluster.services.values()]);
  }

  private createCluster(input: Ecs.CreateClusterRequest) {
    const name = nameOf(input.clusterName ?? 'default');
    const cluster = this.clusters.get(name) ?? { name, arn: clusterArn(this.region, name), services: new Map() };
    this.clusters.set(name, cluster);
    this.tags.set(cluster.arn, input.tags ?? []);
    return { cluster: describeCluster(cluster) };
  }

  private describeClusters(input: Ecs.DescribeClustersRequest) {
    const asked = (input.clusters ?? ['default']).map((nameOrArn) => nameOf(nameOrArn));
    return {
      clusters: asked.flatMap((name) => this.clusters.get(name) ?? []).map(describeCluster),
      failures: asked.filter((name) => !this.clusters.has(name)).map((name) => ({ arn: clusterArn(this.region, name), reason: 'MISSING' })),
    };
  }

  private registerTaskDefinition(input: Ecs.RegisterTaskDefinitionRequest) {
    const { family, containerDefinitions, tags = [], ...rest } = input;
    if (!family || !containerDefinitions?.length)
      throw new EcsError('ClientException', 'Family and container definitions should not be empty.');
    const revisions = this.families.get(family) ?? [];
    const revision = revisions.length + 1;
    const taskDefinitionArn = `arn:aws:ecs:${this.region}:${ACCOUNT}:task-definition/${family}:${revision}`;
    const definition = { ...rest, family, containerDefinitions, revision, taskDefinitionArn, registeredAt: new Date(), tags };
    this.families.set(family, [...revisions, definition]);
    return { taskDefinition: { ...definition, status: 'ACTIVE' }, tags };
  }

  private describeTaskDefinition(input: Ecs.DescribeTaskDefinitionRequest) {
    const { tags, ...definition } = this.definition(input.taskDefinition);
    return { taskDefinition: { ...definition, status: 'ACTIVE' }, tags };
  }

  private async createService(input: Ecs.CreateServiceRequest) {
    const cluster = this.cluster(input.cluster);
    const name = input.serviceName ?? '';
    if (!name) throw new EcsError('InvalidParameterException', 'Service name should not be empty.');
    if (cluster.services.has(name)) throw new EcsError('InvalidParameterException', 'Creation of service was not idempotent.');
    const definition = this.definition(input.taskDefinition);
    const loadBalancers = input.loadBalancers ?? [];
    const platform = await this.options.platform({ name, loadBalancers, changed: () => cluster.services.get(name)?.reconcile() });
    const desiredCount = input.desiredCount ?? 1;
    const service = new Service({ region: this.region, cluster: cluster.name, name, desiredCount, definition, loadBalancers, ...platform });
    cluster.services.set(name, service);
    this.tags.set(service.arn, input.tags ?? []);
    service.reconcile();
    return { service: describeService(service, cluster.arn) };
  }

  private updateService(input: Ecs.UpdateServiceRequest) {
    const cluster = this.cluster(input.cluster);
    const service = this.service(cluster, input.service);
    if (input.desiredCount !== undefined && input.desiredCount < 0) {
      throw new EcsError('InvalidParameterException', 'Desired count cannot be negative.');
    }
    if (input.taskDefinition || input.forceNewDeployment)
      service.deploy(this.definition(input.taskDefinition ?? service.definition.taskDefinitionArn));
    if (input.desiredCount !== undefined) service.scale(input.desiredCount);
    service.reconcile();
    return { service: describeService(service, cluster.arn) };
  }

  private describeServices(input: Ecs.DescribeServicesRequest) {
    const cluster = this.cluster(input.cluster);
    const asked = (input.services ?? []).map(nameOf);
    const missing = asked.filter((name) => !cluster.services.has(name));
    return {
      services: asked.flatMap((name) => cluster.services.get(name) ?? []).map((service) => describeService(service, cluster.arn)),
      failures: missing.map((name) => ({
        arn: `arn:aws:ecs:${this.region}:${ACCOUNT}:service/${cluster.name}/${name}`,
        reason: 'MISSING',
      })),
    };
  }

  private listTasks(input: Ecs.ListTasksRequest) {
    const cluster = this.cluster(input.cluster);
    const services = input.serviceName ? [this.service(cluster, input.serviceName)] : [...cluster.services.values()];
    const status = input.desiredStatus ?? 'RUNNING';
    const tasks = services.flatMap((service) => service.tasks).filter((task) => task.desiredStatus === status);
    return { taskArns: tasks.filter((task) => !input.startedBy || task.order.startedBy === input.startedBy).map((task) => task.arn) };
  }

  private describeTasks(input: Ecs.DescribeTasksRequest) {
    const cluster = this.cluster(input.cluster);
    const found = (input.tasks ?? []).map((arn) => [arn, this.task(cluster, arn)] as const);
    return {
      tasks: found.flatMap(([, task]) => (task ? [describeTask(task, cluster.arn)] : [])),
      failures: found.filter(([, task]) => !task).map(([arn]) => ({ arn, reason: 'MISSING' })),
    };
  }

  private stopTask(input: Ecs.StopTaskRequest) {
    const cluster = this.cluster(input.cluster);
    const task = this.task(cluster, input.task ?? '');
    if (!task) throw new EcsError('InvalidParameterException', 'The referenced task was not found.');
    task.stop(input.reason ?? 'Task stopped by user', 'UserInitiated');
    return { task: describeTask(task, cluster.arn) };
  }

  private tagResource(input: Ecs.TagResourceRequest) {
    const arn = input.resourceArn ?? '';
    const added = input.tags ?? [];
    this.tags.set(arn, [...(this.tags.get(arn) ?? []).filter((tag) => !added.some((other) => other.key === tag.key)), ...added]);
    return {};
  }

  private cluster(nameOrArn = 'default'): ClusterState {
    const cluster = this.clusters.get(nameOf(nameOrArn));
    if (!cluster) throw new EcsError('ClusterNotFoundException', 'Cluster not found.');
    return cluster;
  }

  private service(cluster: ClusterState, nameOrArn = ''): Service {
    const service = cluster.services.get(nameOf(nameOrArn));
    if (!service) throw new EcsError('ServiceNotFoundException', 'Service not found.');
    return service;
  }

  private task(cluster: ClusterState, idOrArn: string): Task | undefined {
    return [...cluster.services.values()].flatMap((service) => service.tasks).find((task) => nameOf(task.arn) === nameOf(idOrArn));
  }

  private definition(familyOrArn = ''): TaskDefinition {
    const [family = '', revision] = nameOf(familyOrArn).split(':');
    const revisions = this.families.get(family) ?? [];
    const definition = revision ? revisions[Number(revision) - 1] : revisions.at(-1);
    if (!definition) throw new EcsError('ClientException', 'Unable to describe task definition.');
    return definition;
  }
}
