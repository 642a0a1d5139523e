import { randomUUID } from 'node:crypto';
import type { AwsCall, AwsReply, AwsService, Network, Processes, Region, Stoppable, Zone } from '../types.ts';
import type { World } from '../world.ts';
import { answer } from './api.ts';
import { process as processEvent } from './asynchronous.ts';
import { Daylight } from './daylight.ts';
import { Definitions, type FunctionDefinition } from './definitions.ts';
import { Courier, type Delivery } from './deliver.ts';
import { LambdaApiError } from './errors.ts';
import { Executor, type Work } from './executor.ts';
import type { FleetLimits } from './fleet.ts';
import { FunctionUrls, type UrlRequest, type UrlResponse } from './function-url.ts';
import { type InvokeOptions, type InvokeResult, parseFunctionName } from './invocation.ts';
import { TriggerPort } from './trigger-port.ts';
import { awaitsAnswer, forwardTriggers } from './triggers.ts';

/** Name under which Lambda itself calls queues, topics and buses. */
export const LAMBDA_SERVICE = 'lambda-service';

export interface LambdaServiceOptions {
  world: World;
  processes: Processes;
  network: Network;
  stateDir: string;
  /** The engine that keeps function code and configuration, without the gateway. */
  definitionsEndpoint: (region: Region) => string;
  gatewayEndpoint: (zone: Zone) => string;
  registerPrincipal: (accessKeyId: string, name: string) => void;
  /** A file of certificates that stands for `/var/runtime/ca-cert.pem`. */
  authorities?: string;
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
  private readonly executor: Executor;
  private readonly background = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(options: LambdaServiceOptions) {
    this.options = options;
    this.definitions = new Definitions({ endpoint: options.definitionsEndpoint, stateDir: options.stateDir });
    this.daylight = new Daylight(options.world);
    this.courier = new Courier(options.gatewayEndpoint, LAMBDA_SERVICE);
    this.urls = new FunctionUrls((region) => this.definitions.client(region));
    this.executor = new Executor(options);
    this.triggerPort = new TriggerPort((region, name, event) => this.trigger(region, name, event));
    options.registerPrincipal(LAMBDA_SERVICE, LAMBDA_SERVICE);
    options.world.onBlackout({
      phase: 'compute',
      dark: (region) => this.executor.freeze(region),
      light: (region) => this.executor.thaw(region),
    });
  }

  /** The gateway's way in, for calls of which `servesInvoke` is true. */
  readonly handle: AwsService = (call: AwsCall): Promise<AwsReply> =>
    answer(call, (name, payload, options) => this.run(call.region, name, payload, options));

  /** Invokes a function from inside the lab (a schedule, an alarm, a health check). `functionName` may be an ARN. */
  invoke(region: Region, functionName: string, payload: unknown, options: InvokeOptions = {}): Promise<InvokeResult> {
    return this.run(region, functionName, Buffer.from(JSON.stringify(payload === undefined ? {} : payload)), options);
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
    return this.executor.logs(region, functionName);
  }

  /** Sandboxes alive now, in one region or all. */
  sandboxes(region?: Region): number {
    return this.executor.sandboxes(region);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.daylight.stop();
    this.executor.stop();
    await Promise.all(this.background);
    this.definitions.stop();
    this.triggerPort.stop();
    await this.executor.closeLogs();
  }

  private async trigger(region: Region, functionName: string, event: unknown): Promise<{ failed: boolean; payload: Buffer }> {
    const type = awaitsAnswer(event) ? 'RequestResponse' : 'Event';
    const { functionError, payload } = await this.invoke(region, functionName, event, { type });
    return { failed: functionError !== undefined, payload: type === 'Event' ? Buffer.from('null') : payload };
  }

  private async run(region: Region, functionName: string, payload: Buffer, options: InvokeOptions): Promise<InvokeResult> {
    const { name, qualifier = options.qualifier } = parseFunctionName(functionName);
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
        return this.execute(definition, { requestId: empty.requestId, payload, clientContext: options.clientContext });
    }
  }

  /** Takes an event into Lambda's own queue. While the region is dark the event waits there, as it would on AWS. */
  private accept(definition: FunctionDefinition, requestId: string, payload: Buffer, qualifier?: string): void {
    const { region, name, arn, deadLetterArn } = definition;
    const event = { requestId, functionName: name, qualifier, functionArn: arn, payload, acceptedAt: Date.now(), deadLetterArn };
    const options = {
      attempt: async () => this.execute(await this.definitions.get(region, name, qualifier), { requestId, payload }),
      deliver: (delivery: Delivery) => this.daylight.until(region).then(() => this.courier.deliver(region, delivery)),
      client: this.definitions.client(region),
      retryDelaysMs: this.options.retryDelaysMs ?? [1_000, 2_000],
      throttleDelayMs: 250,
      signal: this.stopping.signal,
    };
    const work = this.daylight
      .until(region)
      .then(() => processEvent(event, options))
      .catch((error: Error) => {
        if (!this.stopping.signal.aborted) this.options.onBackgroundError?.(error);
      })
      .finally(() => this.background.delete(work));
    this.background.add(work);
  }

  private async execute(definition: FunctionDefinition, work: Work): Promise<InvokeResult> {
    await this.daylight.until(definition.region);
    if (this.stopping.signal.aborted) throw new LambdaApiError('ServiceException', 500, 'the lab has stopped');
    return this.executor.execute(definition, work);
  }
}
