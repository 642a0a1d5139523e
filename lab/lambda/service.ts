import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { AwsCall, AwsReply, AwsService, Network, Processes, Region, Stoppable, Zone } from '../types.ts';
import type { World } from '../world.ts';
import { answer } from './api.ts';
import { type AcceptedEvent, process as processEvent } from './asynchronous.ts';
import { Daylight } from './daylight.ts';
import { Definitions, type FunctionDefinition } from './definitions.ts';
import { Courier } from './deliver.ts';
import { accessKeyOf, sandboxEnvironment } from './environment.ts';
import { type FunctionError, LambdaApiError } from './errors.ts';
import { DEFAULT_LIMITS, Fleet, type FleetLimits } from './fleet.ts';
import { FunctionUrls, type UrlRequest, type UrlResponse } from './function-url.ts';
import { FunctionLog } from './log.ts';
import { type Outcome, Sandbox } from './sandbox.ts';
import { TriggerPort } from './trigger-port.ts';
import { awaitsAnswer, forwardTriggers } from './triggers.ts';

const MAX_PAYLOAD_BYTES = 6_291_556;
const MAX_LOG_TAIL_BYTES = 4_096;
/** Name under which Lambda itself calls queues, topics and buses. */
export const LAMBDA_SERVICE = 'lambda-service';

export type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';

export interface InvokeOptions {
  type?: InvocationType;
  qualifier?: string;
  clientContext?: string;
}

export interface InvokeResult {
  /** As the API answers: 200, 202 (Event) or 204 (DryRun). */
  status: number;
  requestId: string;
  version: string;
  functionError?: 'Unhandled';
  /** JSON; empty for Event and DryRun. */
  payload: Buffer;
  /** The last 4 KB of the invocation's log. */
  logTail: string;
}

export interface LambdaServiceOptions {
  world: World;
  processes: Processes;
  network: Network;
  stateDir: string;
  /** The engine that keeps function code and configuration, without the gateway. */
  definitionsEndpoint: (region: Region) => string;
  gatewayEndpoint: (zone: Zone) => string;
  registerPrincipal: (accessKeyId: string, name: string) => void;
  limits?: Partial<FleetLimits>;
  retryDelaysMs?: readonly number[];
  /** Failures that have no caller to tell: a dead-letter queue that cannot be reached, a function that vanished. */
  onBackgroundError?: (error: Error) => void;
}

/** Lambda's invoke side: functions that the engine stores, run in Node.js processes behind the Runtime API. */
export class LambdaService implements Stoppable {
  private readonly options: LambdaServiceOptions;
  private readonly definitions: Definitions;
  private readonly daylight: Daylight;
  private readonly courier: Courier;
  private readonly urls: FunctionUrls;
  private readonly triggerPort: TriggerPort;
  private readonly fleets = new Map<Region, Fleet>();
  private readonly functionLogs = new Map<string, FunctionLog>();
  private readonly background = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(options: LambdaServiceOptions) {
    this.options = options;
    this.definitions = new Definitions({ endpoint: options.definitionsEndpoint, stateDir: options.stateDir });
    this.daylight = new Daylight(options.world);
    this.courier = new Courier(options.gatewayEndpoint, LAMBDA_SERVICE);
    this.urls = new FunctionUrls((region) => this.definitions.client(region));
    this.triggerPort = new TriggerPort((region, name, event) => this.trigger(region, name, event));
    options.registerPrincipal(LAMBDA_SERVICE, LAMBDA_SERVICE);
    options.world.onBlackout({
      phase: 'compute',
      dark: (region) => this.fleets.get(region)?.freeze(),
      light: (region) => this.fleets.get(region)?.thaw(),
    });
  }

  /** The gateway's way in, for calls of which `servesInvoke` is true. */
  readonly handle: AwsService = (call: AwsCall): Promise<AwsReply> =>
    answer(call, (name, payload, options) => this.run(call.region, name, payload, options));

  /** Invokes a function from inside the lab (a schedule, an alarm, a health check). `functionName` may be an ARN. */
  invoke(region: Region, functionName: string, payload: unknown, options: InvokeOptions = {}): Promise<InvokeResult> {
    return this.run(region, functionName, Buffer.from(JSON.stringify(payload ?? {})), options);
  }

  /** Answers a request to a function URL (`https://<id>.lambda-url.<region>.on.aws/`). */
  async invokeUrl(request: UrlRequest): Promise<UrlResponse> {
    const region = request.host.split('.')[2] ?? '';
    await this.daylight.until(region);
    return this.urls.answer(region, request, (name, payload, qualifier) => this.run(region, name, payload, { qualifier }));
  }

  /** The gateway's way in for requests whose host is a function URL. */
  readonly handleUrl: AwsService = async ({ method, path, headers, body }: AwsCall): Promise<AwsReply> => {
    const host = (headers.host ?? '').split(':')[0] ?? '';
    const { cookies, ...answer } = await this.invokeUrl({ host, method, path, headers, body });
    if (cookies.length > 0) answer.headers['set-cookie'] = cookies.join(', ');
    return answer;
  };

  /**
   * Makes every function URL known to the network: its name, port 443, leads to the gateway's port in its region. To be called after
   * each deployment. Returns the host names.
   */
  async publishUrls(): Promise<string[]> {
    const { world, network, gatewayEndpoint } = this.options;
    const published = await Promise.all(
      world.regions.map(async (region) => {
        const hosts = await this.urls.hosts(region);
        for (const host of hosts) network.publish(host, 443, region, Number(new URL(gatewayEndpoint(region)).port));
        return hosts;
      }),
    );
    return published.flat();
  }

  /** Makes topics, event buses and queues of the engine run functions here instead of in its own workers. To be called after each deployment. */
  async adoptTriggers(): Promise<void> {
    const url = await this.triggerPort.url();
    const { regions } = this.options.world;
    await Promise.all(regions.map((region) => forwardTriggers(this.definitions.client(region), (name) => `${url}/${region}/${name}`)));
  }

  /** The last lines of a function's log, oldest first. */
  logs(region: Region, functionName: string): string[] {
    return this.functionLogs.get(`${region}/${functionName}`)?.tail() ?? [];
  }

  /** Sandboxes alive now, in one region or all. */
  sandboxes(region?: Region): number {
    return [...this.fleets].filter(([name]) => !region || name === region).reduce((sum, [, fleet]) => sum + fleet.size, 0);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.daylight.stop();
    for (const fleet of this.fleets.values()) fleet.stop();
    await Promise.all(this.background);
    this.definitions.stop();
    this.triggerPort.stop();
    await Promise.all([...this.functionLogs.values()].map((log) => log.close()));
  }

  private async trigger(region: Region, functionName: string, event: unknown): Promise<{ failed: boolean; payload: Buffer }> {
    const type = awaitsAnswer(event) ? 'RequestResponse' : 'Event';
    const { functionError, payload } = await this.invoke(region, functionName, event, { type });
    return { failed: functionError !== undefined, payload: type === 'Event' ? Buffer.from('null') : payload };
  }

  private async run(region: Region, functionName: string, payload: Buffer, options: InvokeOptions): Promise<InvokeResult> {
    const { name, qualifier = options.qualifier } = parseName(functionName);
    await this.daylight.until(region);
    const definition = await this.definitions.get(region, name, qualifier);
    const empty = { requestId: randomUUID(), version: definition.version, payload: Buffer.alloc(0), logTail: '' };
    switch (options.type ?? 'RequestResponse') {
      case 'DryRun':
        return { ...empty, status: 204 };
      case 'Event':
        this.accept(definition, empty.requestId, payload, qualifier);
        return { ...empty, status: 202 };
      case 'RequestResponse':
        return this.execute(definition, empty.requestId, payload, options.clientContext);
    }
  }

  private accept(definition: FunctionDefinition, requestId: string, payload: Buffer, qualifier?: string): void {
    const { region, name, arn, deadLetterArn } = definition;
    const event: AcceptedEvent = { requestId, functionName: name, functionArn: arn, payload, acceptedAt: Date.now(), deadLetterArn };
    const work = processEvent(event, {
      attempt: async () => this.execute(await this.definitions.get(region, name, qualifier), requestId, payload),
      deliver: (delivery) => this.courier.deliver(region, delivery),
      client: this.definitions.client(region),
      retryDelaysMs: this.options.retryDelaysMs ?? [1_000, 2_000],
      throttleDelayMs: 250,
      signal: this.stopping.signal,
    })
      .catch((error: Error) => {
        if (!this.stopping.signal.aborted) this.options.onBackgroundError?.(error);
      })
      .finally(() => this.background.delete(work));
    this.background.add(work);
  }

  private async execute(definition: FunctionDefinition, requestId: string, payload: Buffer, clientContext?: string): Promise<InvokeResult> {
    await this.daylight.until(definition.region);
    if (this.stopping.signal.aborted) throw new LambdaApiError('ServiceException', 500, 'the lab has stopped');
    const fleet = this.fleet(definition.region);
    const sandbox = await fleet.acquire(definition);
    const log = this.logOf(definition);
    const cold = sandbox.initMs === undefined;
    log.write(`START RequestId: ${requestId} Version: ${definition.version}\n`);
    const outcome = await sandbox.run({ requestId, arn: definition.arn, payload, clientContext });
    // One turn of the event loop: what the function wrote before it answered is in the pipe, but may be read after the answer.
    await turn();
    fleet.release(sandbox);
    const error = errorOf(outcome);
    if (error?.errorType === 'Sandbox.Timedout')
      log.write(`${new Date().toISOString()} ${requestId} Task timed out after ${definition.timeoutSeconds.toFixed(2)} seconds\n`);
    const report = reportLines(definition, requestId, outcome.billedMs, cold ? sandbox.initMs : undefined, error);
    log.write(report);
    const logTail = `START RequestId: ${requestId} Version: ${definition.version}\n${sandbox.takeOutput()}${report}`;
    return {
      status: 200,
      requestId,
      version: definition.version,
      functionError: error && 'Unhandled',
      payload: error ? Buffer.from(JSON.stringify(error)) : (outcome as { payload: Buffer }).payload,
      logTail: Buffer.from(logTail).subarray(-MAX_LOG_TAIL_BYTES).toString(),
    };
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
    const { processes, network, gatewayEndpoint, registerPrincipal } = this.options;
    registerPrincipal(accessKeyOf(definition.region, definition.name), definition.name);
    const environment = sandboxEnvironment(definition, gatewayEndpoint(definition.region), network.environment(definition.region));
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

/** `name`, `name:qualifier`, a partial or a full ARN. */
function parseName(functionName: string): { name: string; qualifier?: string } {
  const parts = functionName.split(':');
  const [name = '', qualifier] = parts.includes('function') ? parts.slice(parts.indexOf('function') + 1) : parts;
  return { name, qualifier };
}

function errorOf(outcome: Outcome): FunctionError | undefined {
  if ('error' in outcome) return outcome.error;
  if (outcome.payload.length <= MAX_PAYLOAD_BYTES) return undefined;
  return {
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`,
  };
}

function reportLines(
  { memoryMb }: FunctionDefinition,
  requestId: string,
  durationMs: number,
  initMs: number | undefined,
  error?: FunctionError,
): string {
  const fields = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs)} ms`,
    `Memory Size: ${memoryMb} MB`,
  ];
  if (initMs !== undefined) fields.push(`Init Duration: ${initMs.toFixed(2)} ms`);
  if (error) fields.push(`Status: ${error.errorType === 'Sandbox.Timedout' ? 'timeout' : 'error'}`, `Error Type: ${error.errorType}`);
  return `END RequestId: ${requestId}\n${fields.join('\t')}\n`;
}
