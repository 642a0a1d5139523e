import { randomUUID } from 'node:crypto';
import type { Deployment as DeploymentView, LoadBalancer as LoadBalancerSetting, ServiceEvent } from '@aws-sdk/client-ecs';
import type { LoadBalancer } from './load-balancer.ts';
import { ACCOUNT, type EcsTimes, type TaskDefinition } from './model.ts';
import { type Launcher, Task } from './task.ts';

const EVENTS_KEPT = 100;
const STOPPED_TASKS_KEPT = 20;

/** One rollout of one revision: it has its own tasks, and its own patience with tasks that die. */
interface Deployment {
  id: string;
  definition: TaskDefinition;
  createdAt: Date;
  updatedAt: Date;
  completed: boolean;
  failedTasks: number;
  /** Deaths in a row; a task that got healthy resets it. */
  deaths: number;
  notBefore: number;
}

export interface ServiceOptions {
  region: string;
  cluster: string;
  name: string;
  desiredCount: number;
  definition: TaskDefinition;
  loadBalancers: LoadBalancerSetting[];
  balancer?: LoadBalancer;
  launch: Launcher;
  times: EcsTimes;
}

/** Keeps the desired number of tasks running, replaces those that die after a growing pause, and rolls new revisions out. */
export class Service {
  readonly arn: string;
  readonly options: ServiceOptions;
  readonly createdAt = new Date();
  readonly events: ServiceEvent[] = [];
  desiredCount: number;
  /** Draining, deleted or in a region that is dark: nothing is started. */
  suspended = false;
  private steady = false;
  tasks: Task[] = [];
  private readonly seen = new Set<Task>();
  private deployments: Deployment[] = [];
  private retry?: NodeJS.Timeout;

  constructor(options: ServiceOptions) {
    this.options = options;
    this.desiredCount = options.desiredCount;
    this.arn = `arn:aws:ecs:${options.region}:${ACCOUNT}:service/${options.cluster}/${options.name}`;
    this.deploy(options.definition);
  }

  get definition(): TaskDefinition {
    return this.primary.definition;
  }

  /** Roll out a revision, or the same one again. */
  deploy(definition: TaskDefinition): void {
    const now = new Date();
    const id = `ecs-svc/${BigInt(`0x${randomUUID().replaceAll('-', '').slice(0, 15)}`)}`;
    const started = { id, definition, createdAt: now, updatedAt: now, completed: false, failedTasks: 0, deaths: 0, notBefore: 0 };
    this.deployments.unshift(started);
    this.steady = false;
  }

  scale(desiredCount: number): void {
    this.desiredCount = desiredCount;
    this.primary.updatedAt = new Date();
    this.steady = false;
  }

  /** Bring what runs closer to what is desired. Called after every change; does nothing when there is nothing to do. */
  reconcile(): void {
    this.noteDeaths();
    if (this.suspended) return;
    this.registerTargets();
    this.startMissing();
    this.stopSurplus();
    this.settle();
  }

  /** Kill what runs, at once, and start nothing more. */
  kill(reason: string): void {
    this.suspended = true;
    for (const task of this.tasks) {
      this.options.balancer?.deregister(task);
      task.kill(reason);
    }
  }

  resume(): void {
    this.suspended = false;
    this.primary.deaths = 0;
    this.primary.notBefore = 0;
    this.reconcile();
  }

  async stop(): Promise<void> {
    this.suspended = true;
    clearTimeout(this.retry);
    for (const task of this.tasks) task.stop('lab stops', 'ServiceSchedulerInitiated');
    await Promise.all(this.tasks.map((task) => task.gone()));
    await this.options.balancer?.stop();
  }

  counts(id?: string): { runningCount: number; pendingCount: number } {
    const mine = this.tasks.filter((task) => task.desiredStatus === 'RUNNING' && (!id || task.order.startedBy === id));
    const runningCount = mine.filter((task) => task.lastStatus === 'RUNNING').length;
    return { runningCount, pendingCount: mine.length - runningCount };
  }

  deploymentViews(): DeploymentView[] {
    return this.deployments.map((d, index) => ({
      id: d.id,
      status: index === 0 ? 'PRIMARY' : 'ACTIVE',
      taskDefinition: d.definition.taskDefinitionArn,
      desiredCount: index === 0 ? this.desiredCount : 0,
      ...this.counts(d.id),
      failedTasks: d.failedTasks,
      createdAt: d.createdAt,
      updatedAt: d.updatedAt,
      launchType: 'FARGATE',
      rolloutState: d.completed ? 'COMPLETED' : 'IN_PROGRESS',
      rolloutStateReason: `ECS deployment ${d.id} ${d.completed ? 'completed' : 'in progress'}.`,
    }));
  }

  private get primary(): Deployment {
    return this.deployments[0]!;
  }

  private isReady(task: Task): boolean {
    return task.running && (this.options.balancer?.isHealthy(task) ?? true);
  }

  private noteDeaths(): void {
    for (const task of this.tasks.filter((t) => t.lastStatus === 'STOPPED' && !this.seen.has(t))) {
      this.seen.add(task);
      this.options.balancer?.deregister(task);
      const deployment = this.deployments.find((d) => d.id === task.order.startedBy);
      if (!deployment || task.stopCode === 'ServiceSchedulerInitiated' || task.stopCode === 'UserInitiated') continue;
      deployment.failedTasks += 1;
      deployment.notBefore = Date.now() + Math.min(this.options.times.backoffMaxMs, this.options.times.backoffMs * 2 ** deployment.deaths);
      deployment.deaths += 1;
    }
    const dead = this.tasks.filter((t) => t.lastStatus === 'STOPPED');
    const forgotten = new Set(dead.slice(0, -STOPPED_TASKS_KEPT));
    this.tasks = this.tasks.filter((t) => !forgotten.has(t));
  }

  private registerTargets(): void {
    for (const task of this.tasks) {
      if (task.running) this.options.balancer?.register(task);
      if (task.running && this.options.balancer?.isHealthy(task)) this.primary.deaths = 0;
    }
  }

  private startMissing(): void {
    const { primary } = this;
    const have = this.tasks.filter((t) => t.order.startedBy === primary.id && t.desiredStatus === 'RUNNING').length;
    const missing = this.desiredCount - have;
    if (missing <= 0) return;
    const pauseMs = primary.notBefore - Date.now();
    clearTimeout(this.retry);
    if (pauseMs > 0) {
      this.retry = setTimeout(() => this.reconcile(), pauseMs);
      return;
    }
    const started = Array.from({ length: missing }, () => this.newTask(primary));
    this.tasks.push(...started);
    this.steady = false;
    this.say(`has started ${missing} tasks: ${started.map((task) => `(task ${task.arn.split('/').at(-1)})`).join(' ')}.`);
    for (const task of started) void task.start();
  }

  private newTask(deployment: Deployment): Task {
    const { region, cluster, name: service, launch, times } = this.options;
    return new Task({
      region,
      cluster,
      service,
      launch,
      startedBy: deployment.id,
      definition: deployment.definition,
      stopTimeoutMs: times.stopTimeoutMs,
      changed: () => this.reconcile(),
    });
  }

  /** Old revisions go one by one, as the new one's tasks get ready; of the new one, what is over the desired count goes at once. */
  private stopSurplus(): void {
    const wanted = (t: Task) => t.desiredStatus === 'RUNNING';
    const [current, old] = [true, false].map((is) => this.tasks.filter((t) => wanted(t) && (t.order.startedBy === this.primary.id) === is));
    const ready = current!.filter((t) => this.isReady(t)).length;
    const surplus = [...current!.slice(this.desiredCount), ...old!.slice(Math.max(0, this.desiredCount - ready))];
    for (const task of surplus) {
      this.options.balancer?.deregister(task);
      this.say(`has stopped 1 running tasks: (task ${task.arn.split('/').at(-1)}).`);
      task.stop(`Scaling activity initiated by (deployment ${this.primary.id})`, 'ServiceSchedulerInitiated');
    }
  }

  private settle(): void {
    this.deployments = this.deployments.filter(
      (d, index) => index === 0 || this.counts(d.id).runningCount + this.counts(d.id).pendingCount > 0,
    );
    const ready = this.tasks.filter((t) => t.order.startedBy === this.primary.id && this.isReady(t)).length;
    if (this.steady || this.deployments.length > 1 || ready !== this.desiredCount) return;
    this.steady = true;
    this.primary.completed = true;
    this.primary.updatedAt = new Date();
    this.say('has reached a steady state.');
  }

  private say(text: string): void {
    this.events.unshift({ id: randomUUID(), createdAt: new Date(), message: `(service ${this.options.name}) ${text}` });
    this.events.length = Math.min(this.events.length, EVENTS_KEPT);
  }
}
