import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { freePort, releasePort } from '../process/port.ts';
import { ACCOUNT, HEALTH_PATH_LABEL, type TaskDefinition, type TaskLaunch } from './model.ts';

const PAGE_BYTES = 4096;
const MEMORY_CHECK_MS = 500;

/** Starts the process of a task; throws where there is no such image. */
export type Launcher = (launch: TaskLaunch, definition: TaskDefinition) => ChildProcess;

export interface TaskOrder {
  region: string;
  cluster: string;
  service: string;
  startedBy: string;
  definition: TaskDefinition;
  launch: Launcher;
  stopTimeoutMs: number;
  /** Called when the task changed its status. */
  changed: () => void;
}

/** One task: one real process. It never starts again: a service replaces it. */
export class Task {
  readonly arn: string;
  readonly order: TaskOrder;
  readonly createdAt = new Date();
  lastStatus: 'PENDING' | 'RUNNING' | 'STOPPED' = 'PENDING';
  desiredStatus: 'RUNNING' | 'STOPPED' = 'RUNNING';
  port = 0;
  startedAt?: Date;
  stoppedAt?: Date;
  exitCode?: number;
  stoppedReason?: string;
  stopCode?: 'EssentialContainerExited' | 'ServiceSchedulerInitiated' | 'UserInitiated' | 'TaskFailedToStart';
  containerReason?: string;
  private child?: ChildProcess;
  private readonly timers = new Set<NodeJS.Timeout>();

  constructor(order: TaskOrder) {
    this.order = order;
    this.arn = `arn:aws:ecs:${order.region}:${ACCOUNT}:task/${order.cluster}/${randomUUID().replaceAll('-', '')}`;
  }

  /** Where its load balancer asks for its health. */
  get healthPath(): string {
    return this.order.definition.containerDefinitions[0]?.dockerLabels?.[HEALTH_PATH_LABEL] ?? '/health';
  }

  get running(): boolean {
    return this.lastStatus === 'RUNNING' && this.desiredStatus === 'RUNNING';
  }

  async start(): Promise<void> {
    try {
      this.port = await freePort();
      if (this.desiredStatus === 'STOPPED') return this.ended(undefined);
      this.child = this.order.launch(this.launchDetails(), this.order.definition);
    } catch (error) {
      this.stopCode = 'TaskFailedToStart';
      this.stoppedReason = error instanceof Error ? error.message : String(error);
      return this.ended(undefined);
    }
    this.lastStatus = 'RUNNING';
    this.startedAt = new Date();
    this.child.once('error', (error) => this.died(undefined, error.message));
    this.child.once('exit', (code, signal) => this.died(code ?? 128 + signalNumber(signal)));
    this.watchMemory();
    this.order.changed();
  }

  /** SIGTERM, and SIGKILL when that was not enough. */
  stop(reason: string, stopCode: Task['stopCode']): void {
    if (this.desiredStatus === 'STOPPED') return;
    this.desiredStatus = 'STOPPED';
    this.stoppedReason = reason;
    this.stopCode = stopCode;
    this.child?.kill('SIGTERM');
    this.timers.add(setTimeout(() => this.child?.kill('SIGKILL'), this.order.stopTimeoutMs));
  }

  /** The machine under the task is gone. */
  kill(reason: string): void {
    this.desiredStatus = 'STOPPED';
    this.stoppedReason ??= reason;
    this.stopCode ??= 'EssentialContainerExited';
    this.child?.kill('SIGKILL');
  }

  /** Resolves when the process is no more. */
  async gone(): Promise<void> {
    if (this.lastStatus !== 'STOPPED' && this.child && this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
  }

  private launchDetails(): TaskLaunch {
    const { region, cluster, service, definition } = this.order;
    const environment = Object.fromEntries(
      (definition.containerDefinitions[0]?.environment ?? []).map((e) => [e.name ?? '', e.value ?? '']),
    );
    return { region, cluster, service, taskArn: this.arn, port: this.port, environment };
  }

  private died(exitCode: number | undefined, failure?: string): void {
    if (this.lastStatus === 'STOPPED') return;
    this.stopCode ??= failure ? 'TaskFailedToStart' : 'EssentialContainerExited';
    this.stoppedReason ??= failure ?? 'Essential container in task exited';
    this.ended(exitCode);
  }

  private ended(exitCode: number | undefined): void {
    this.exitCode = exitCode;
    if (this.port) releasePort(this.port);
    this.desiredStatus = 'STOPPED';
    this.lastStatus = 'STOPPED';
    this.stoppedAt = new Date();
    for (const timer of this.timers) clearTimeout(timer);
    this.order.changed();
  }

  /** A container over its memory limit is killed, as the kernel's control group would. */
  private watchMemory(): void {
    const container = this.order.definition.containerDefinitions[0];
    const limitMiB = Number(container?.memory ?? this.order.definition.memory ?? 0);
    if (!limitMiB || process.platform !== 'linux') return;
    const timer = setInterval(() => {
      if (this.lastStatus !== 'RUNNING' || residentMiB(this.child?.pid) <= limitMiB) return;
      this.containerReason = 'OutOfMemoryError: Container killed due to memory usage';
      this.stoppedReason = 'OutOfMemoryError: Container killed due to memory usage';
      this.child?.kill('SIGKILL');
    }, MEMORY_CHECK_MS);
    timer.unref();
    this.timers.add(timer);
  }
}

const signalNumber = (signal: NodeJS.Signals | null): number => (signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : 6);

function residentMiB(pid: number | undefined): number {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES) / 2 ** 20;
  } catch {
    return 0; // Gone in between.
  }
}
