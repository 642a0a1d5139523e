import type { AwsCall, AwsReply, AwsService, Region } from '../types.ts';
import type { World } from '../world.ts';
import { awsError } from './errors.ts';
import type { Outgoing } from './forward.ts';
import { type GlobalTable, GlobalTables, HOME_REGION, signedForHome } from './global-tables.ts';
import { isGlobal, signedForAccount } from './request.ts';

/** The name under which requests to Lambda function URLs are served. */
export const FUNCTION_URLS = 'lambda-url';

interface Service {
  handler: AwsService;
  /** Only these operations; all when undefined. */
  actions?: ReadonlySet<string>;
}

/** Which engine serves: a service's signing name, `global` for services that are one for all regions, `default` for the rest. */
export type Upstream = (region: Region) => string | undefined;

/** Where a call goes: to code of the lab, to an engine, or nowhere, with the answer for that. */
export type Route = { handler: AwsService } | Outgoing | { refusal: AwsReply };

/** Who serves what. */
export class Routes {
  private readonly services = new Map<string, Service[]>();
  private readonly upstreams = new Map<string, Upstream>();
  private readonly globalTables: GlobalTables;

  constructor(world: World) {
    this.globalTables = new GlobalTables(world);
  }

  register(service: string, handler: AwsService, actions?: readonly string[]): void {
    const registered = this.services.get(service) ?? [];
    this.services.set(service, [{ handler, actions: actions && new Set(actions) }, ...registered]);
  }

  upstream(service: string, url: Upstream): void {
    this.upstreams.set(service, url);
  }

  globalTable(name: string, table: GlobalTable): void {
    this.globalTables.register(name, table);
  }

  engineOf(service: string, region: Region): string {
    const url =
      this.upstreams.get(service) ?? (isGlobal(service) ? this.upstreams.get('global') : undefined) ?? this.upstreams.get('default');
    const engine = url?.(region);
    if (!engine) throw new Error(`No engine for ${service} in ${region}.`);
    return engine;
  }

  of(call: AwsCall, body: Buffer | undefined): Route {
    const { service, action, region } = call;
    const handler = this.services.get(service)?.find(({ actions }) => !actions || actions.has(action))?.handler;
    if (handler) return { handler };
    const table = service === 'dynamodb' ? this.globalTables.tableOf(call) : undefined;
    if (!table) return { upstream: this.engineOf(service, region), headers: signedForAccount(call), body };
    const refusal = this.globalTables.refusal(table, call);
    return refusal ? { refusal } : { upstream: this.engineOf('global', HOME_REGION), headers: signedForHome(call), body };
  }
}

export async function answerOf(handler: AwsService, call: AwsCall): Promise<AwsReply> {
  try {
    return await handler(call);
  } catch (error) {
    return awsError({ status: 500, code: 'InternalFailure', message: (error as Error).message }, call);
  }
}
