import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Network, Processes, Region, Zone } from '../types.ts';
import type { FunctionDefinition } from './definitions.ts';
import { accessKeyOf, sandboxEnvironment } from './environment.ts';
import type { FunctionError } from './errors.ts';
import { DEFAULT_LIMITS, Fleet, type FleetLimits } from './fleet.ts';
import type { InvokeResult } from './invocation.ts';
import { FunctionLog, reportLines, startLine, timeoutLine } from './log.ts';
import { type Outcome, Sandbox } from './sandbox.ts';

const MAX_PAYLOAD_BYTES = 6_291_556;
const MAX_LOG_TAIL_BYTES = 4_096;

export interface ExecutorOptions {
  processes: Processes;
  network: Network;
  stateDir: string;
  gatewayEndpoint: (zone: Zone) => string;
  registerPrincipal: (accessKeyId: string, name: string) => void;
  /** A file of certificates that stands for the runtime's own. */
  authorities?: string;
  limits?: Partial<FleetLimits>;
}

export interface Work {
  requestId: string;
  payload: Buffer;
  clientContext?: string;
}

/** Runs invocations in the sandboxes of every region, and keeps the functions' logs. */
export class Executor {
  private readonly options: ExecutorOptions;
  private readonly fleets = new Map<Region, Fleet>();
  private readonly functionLogs = new Map<string, FunctionLog>();

  constructor(options: ExecutorOptions) {
    this.options = options;
  }

  /** One attempt of one invocation; rejects only if there is no sandbox for it. */
  async execute(definition: FunctionDefinition, { requestId, payload, clientContext }: Work): Promise<InvokeResult> {
    const { arn, version } = definition;
    const fleet = this.fleet(definition.region);
    const sandbox = await fleet.acquire(definition);
    const log = this.logOf(definition);
    const cold = sandbox.initMs === undefined;
    const start = startLine(requestId, version);
    log.write(start);
    const outcome = await sandbox.run({ requestId, arn, payload, clientContext });
    // One turn of the event loop: what the function wrote before it answered is in the pipe, but may be read after the answer.
    await turn();
    const error = errorOf(outcome);
    const late = error?.errorType === 'Sandbox.Timedout' ? timeoutLine(requestId, definition.timeoutSeconds) : '';
    const initMs = cold ? sandbox.initMs : undefined;
    const end = late + reportLines({ requestId, memoryMb: definition.memoryMb, durationMs: outcome.billedMs, initMs, error });
    log.write(end);
    const tail = Buffer.from(start + sandbox.takeOutput() + end).subarray(-MAX_LOG_TAIL_BYTES);
    fleet.release(sandbox);
    return {
      status: 200,
      requestId,
      version,
      functionError: error && 'Unhandled',
      payload: 'payload' in outcome && !error ? outcome.payload : Buffer.from(JSON.stringify(error)),
      logTail: tail.toString(),
    };
  }

  freeze(region: Region): void {
    this.fleet(region).freeze();
  }

  thaw(region: Region): void {
    this.fleet(region).thaw();
  }

  logs(region: Region, functionName: string): string[] {
    return this.functionLogs.get(`${region}/${functionName}`)?.tail() ?? [];
  }

  /** Sandboxes alive now, in one region or all. */
  sandboxes(region?: Region): number {
    return [...this.fleets].filter(([name]) => !region || name === region).reduce((sum, [, fleet]) => sum + fleet.size, 0);
  }

  stop(): void {
    for (const fleet of this.fleets.values()) fleet.stop();
  }

  async closeLogs(): Promise<void> {
    await Promise.all([...this.functionLogs.values()].map((log) => log.close()));
  }

  private fleet(region: Region): Fleet {
    let fleet = this.fleets.get(region);
    if (!fleet) {
      fleet = new Fleet({ ...DEFAULT_LIMITS, ...this.options.limits }, (definition, ended) => this.sandbox(definition, ended));
      this.fleets.set(region, fleet);
    }
    return fleet;
  }

  private sandbox(definition: FunctionDefinition, ended: () => void): Sandbox {
    const { processes, network, gatewayEndpoint, registerPrincipal, authorities } = this.options;
    registerPrincipal(accessKeyOf(definition.region, definition.name), definition.name);
    const zone = network.environment(definition.region);
    const environment = sandboxEnvironment(definition, gatewayEndpoint(definition.region), zone, authorities);
    const log = this.logOf(definition);
    return new Sandbox({ definition, processes, environment, output: (text) => log.write(text), ended });
  }

  private logOf({ region, name }: FunctionDefinition): FunctionLog {
    const key = `${region}/${name}`;
    let log = this.functionLogs.get(key);
    if (!log) {
      log = new FunctionLog(join(this.options.stateDir, 'logs', 'lambda', region, `${name}.log`));
      this.functionLogs.set(key, log);
    }
    return log;
  }
}

function errorOf(outcome: Outcome): FunctionError | undefined {
  if ('error' in outcome) return outcome.error;
  if (outcome.payload.length <= MAX_PAYLOAD_BYTES) return undefined;
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`;
  return { errorType: 'Function.ResponseSizeTooLarge', errorMessage };
}
