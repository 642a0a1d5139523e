import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Access } from '../iam/access.ts';
import type { AwsCall, AwsService, CallRecord, Region, Stoppable, Zone } from '../types.ts';
import type { World } from '../world.ts';
import { actionOf } from './action.ts';
import { type ErrorKind, errorReply } from './errors.ts';
import { Exchange, readBody } from './exchange.ts';
import { type Fault, Faults, type Lie } from './faults.ts';
import { askEngine, forward } from './forward.ts';
import { type GlobalTable, HOME_REGION } from './global-tables.ts';
import { isSmallProtocol, type Scope, scopeOf, targetRegion } from './request.ts';
import { answerOf, FUNCTION_URLS, Routes, type Upstream } from './routes.ts';

export interface GatewayOptions {
  world: World;
  /** How long a caller hears silence before the connection is dropped, in milliseconds. Default: 60 s, longer than any sane client waits. */
  blackholeMs?: number;
  /** What a caller sees of a region that it cannot reach: silence (default) or a connection that is reset at once. */
  unreachable?: 'silence' | 'reset';
}

const FUNCTION_URL = /^[a-z0-9]+\.lambda-url\.([a-z0-9-]+)\.on\.aws(:\d+)?$/;

/**
 * The one AWS endpoint of the lab. It has a port for each zone, so that it knows where a caller stands; reads from the signature what
 * is called where; lets through what the world lets through; injects faults; records every call; and sends it to the engine that is right for it.
 */
export class Gateway implements Stoppable {
  readonly faults = new Faults();
  /** All calls since the start, in the order of arrival. A call that is under way has status 0 and duration 0. */
  readonly calls: CallRecord[] = [];
  /** Names of callers by access key id; an unknown key is its own name. */
  readonly principals = new Map<string, string>();
  /** Accounts of callers by access key id; every other key is of the account that Lifeboat runs in. */
  readonly accounts = new Map<string, string>();
  /** May the caller do this? Asked of every call that arrives; set when the roles are known. */
  authorise: (call: AwsCall) => Access | undefined = () => undefined;
  private readonly world: World;
  private readonly blackholeMs: number;
  private readonly servers = new Map<Zone, Server>();
  private readonly routes: Routes;
  private readonly open = new Set<Exchange>();
  private lastId = 0;

  constructor({ world, blackholeMs = 60_000, unreachable = 'silence' }: GatewayOptions) {
    this.world = world;
    this.blackholeMs = unreachable === 'reset' ? 0 : blackholeMs;
    this.routes = new Routes(world);
    world.onChange(() => this.loseUnreachable());
  }

  /** Listen: one port for each region and one for the internet. */
  async start(): Promise<void> {
    const zones: Zone[] = [...this.world.regions, 'internet'];
    await Promise.all(zones.map((zone) => this.listen(zone)));
  }

  async stop(): Promise<void> {
    const servers = [...this.servers.values()];
    this.servers.clear();
    await Promise.all(
      servers.map((server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  /** The URL by which callers in this zone reach AWS. */
  endpoint(zone: Zone): string {
    const server = this.servers.get(zone);
    if (!server) throw new Error(`The gateway has no port for zone ${zone}: it is not started, or the zone is not in its world.`);
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Serve a service, or only these of its operations, by code of the lab. The latest registration that fits is asked. */
  register(service: string, handler: AwsService, actions?: readonly string[]): void {
    this.routes.register(service, handler, actions);
  }

  /** Serve a service (or `global`, or `default`) by an engine. */
  upstream(service: string, url: Upstream): void {
    this.routes.upstream(service, url);
  }

  /** The engine's URL for a service in a region: for a service of the lab that asks the engine for what it does not answer itself. */
  engineOf(service: string, region: Region): string {
    return this.routes.engineOf(service, region);
  }

  /** Serve requests whose host is a Lambda function URL (`<id>.lambda-url.<region>.on.aws`). */
  functionUrls(handler: AwsService): void {
    this.register(FUNCTION_URLS, handler);
  }

  /** Make a DynamoDB table one table in all its replicas' regions. */
  globalTable(name: string, table: GlobalTable): void {
    this.routes.globalTable(name, table);
  }

  private async listen(zone: Zone): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0, noDelay: true }, (request, response) => {
      this.handle(zone, request, response).catch((error: Error) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
        response.end(`InternalFailure: ${error.message}`);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    this.servers.set(zone, server);
  }

  private async handle(source: Zone, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = FUNCTION_URL.exec(request.headers.host ?? '');
    const scope = host ? { accessKey: 'anonymous', region: host[1]!, service: FUNCTION_URLS } : scopeOf(request);
    const body = host || isSmallProtocol(request) ? await readBody(request) : undefined;
    const exchange = this.admit(source, request, response, scope ?? unsigned(source, request), body);
    if (!this.isReachable(exchange)) return void this.lose(exchange);
    if (this.denied(exchange)) return;
    const fault = await this.injected(exchange);
    if (fault && fault.kind !== 'wrong-answer') return void this.fail(exchange, fault.kind);
    if (!this.isReachable(exchange)) return void this.lose(exchange);
    await (fault?.lie ? this.serveWrongly(exchange, body, fault.lie) : this.serve(exchange, body));
  }

  private admit(source: Zone, request: IncomingMessage, response: ServerResponse, scope: Scope, body: Buffer | undefined): Exchange {
    const { service } = scope;
    const { method = 'GET', url: path = '/' } = request;
    const headers = request.headers as Record<string, string>;
    const exchange = new Exchange(request, response, {
      id: ++this.lastId,
      at: Date.now(),
      source,
      region: targetRegion(scope),
      service,
      action: actionOf({ service, method, path, headers, body }),
      principal: this.principals.get(scope.accessKey) ?? scope.accessKey,
      account: this.accounts.get(scope.accessKey),
      method,
      path,
      headers,
      body: body ?? Buffer.alloc(0),
    });
    this.calls.push(exchange.record);
    this.open.add(exchange);
    exchange.onClose(() => this.open.delete(exchange));
    return exchange;
  }

  /** Answer a call that its caller's role does not allow, as AWS would. */
  private denied(exchange: Exchange): boolean {
    Object.assign(exchange.record, this.authorise(exchange.call));
    const { denied } = exchange.record;
    if (denied) exchange.reply(errorReply('access-denied', exchange.call, denied));
    return denied !== undefined;
  }

  /** Wait for the latencies that hit this call; the fault that then takes the answer's place, where there is one. */
  private async injected(exchange: Exchange): Promise<Fault | undefined> {
    const hits = this.faults.hits(exchange.record);
    for (const { kind, latencyMs = 0 } of hits) {
      exchange.record.injected = kind;
      if (kind === 'latency') await delay(latencyMs);
    }
    return hits.find(({ kind }) => kind !== 'latency');
  }

  private fail(exchange: Exchange, kind: Fault['kind']): void {
    if (kind === 'timeout') {
      exchange.lose('Timeout', this.blackholeMs);
      return;
    }
    // An answer before the end of the request would break the connection for the caller.
    exchange.request.resume();
    exchange.reply(errorReply(kind as ErrorKind, exchange.call));
  }

  /** Served as always; only the answer that is heard is another. */
  private async serveWrongly(exchange: Exchange, read: Buffer | undefined, lie: Lie): Promise<void> {
    const { call } = exchange;
    call.body = read ?? (await readBody(exchange.request));
    const route = this.routes.of(call, call.body);
    const answer =
      'handler' in route
        ? await answerOf(route.handler, call)
        : 'refusal' in route
          ? route.refusal
          : await askEngine({ ...call, headers: route.headers }, route.upstream);
    exchange.record.served = answer.status;
    exchange.reply(lie(answer, call.region));
  }

  private async serve(exchange: Exchange, body: Buffer | undefined): Promise<void> {
    const { call } = exchange;
    const route = this.routes.of(call, body);
    if ('handler' in route) {
      call.body = body ?? (await readBody(exchange.request));
      exchange.reply(await answerOf(route.handler, call));
    } else if ('refusal' in route) exchange.reply(route.refusal);
    else await forward(exchange, route);
  }

  private isReachable({ call }: Exchange): boolean {
    return this.world.reaches(call.source, call.region);
  }

  private loseUnreachable(): void {
    for (const exchange of this.open) if (!this.isReachable(exchange)) this.lose(exchange);
  }

  private lose(exchange: Exchange): void {
    const { source, region } = exchange.call;
    exchange.lose(this.world.isDark(source) || this.world.isDark(region) ? 'Blackout' : 'LinkCut', this.blackholeMs);
  }
}

/** What is not signed concerns the engine of the caller's own region: callbacks of custom resources, and its own administration. */
function unsigned(source: Zone, request: IncomingMessage): Scope {
  const isEngine = request.url?.startsWith('/_ministack/') ?? false;
  return { accessKey: 'anonymous', region: source === 'internet' ? HOME_REGION : source, service: isEngine ? 'ministack' : 'sts' };
}
