import type { AwsCall, AwsReply, Region } from '../types.ts';
import type { World } from '../world.ts';
import { awsError } from './errors.ts';

export interface GlobalTable {
  /** The regions that answer requests. */
  replicas: readonly Region[];
  /** The region that only votes (multi-Region strong consistency). */
  witness?: Region;
  consistency: 'strong' | 'eventual';
}

/** The region under which the surviving engine keeps every global table. */
export const HOME_REGION = 'us-east-1';

const EVENTUAL_READS = new Set([
  'GetItem',
  'Query',
  'Scan',
  'BatchGetItem',
  'DescribeTable',
  'DescribeTimeToLive',
  'DescribeContinuousBackups',
]);

/**
 * DynamoDB global tables. All replicas of a table are one table, in an engine that no blackout touches, so that a strongly consistent
 * table is exactly that. What the gateway adds is who may reach it: a replica that is cut from both others has no majority.
 */
export class GlobalTables {
  private readonly tables = new Map<string, GlobalTable>();
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  register(name: string, table: GlobalTable): void {
    this.tables.set(name, table);
  }

  /** The global table that this DynamoDB request is about, when its region holds a replica. */
  tableOf(call: AwsCall): GlobalTable | undefined {
    const name = tableName(call.body);
    const table = name === undefined ? undefined : this.tables.get(name);
    return table?.replicas.includes(call.region) ? table : undefined;
  }

  /** The error for a request that the replica cannot serve alone, or undefined when it can. */
  refusal(table: GlobalTable, call: AwsCall): AwsReply | undefined {
    if (table.consistency === 'eventual' || this.isEventualRead(call) || this.hasMajority(table, call.region)) return undefined;
    return awsError({ status: 500, code: 'InternalServerError', message: 'The replica does not reach a majority of its table.' }, call);
  }

  /** Two of the three are a majority, so one other that can be reached is enough. */
  private hasMajority(table: GlobalTable, region: Region): boolean {
    const voters = [...table.replicas, ...(table.witness ? [table.witness] : [])];
    return voters.some((voter) => voter !== region && this.world.reaches(region, voter));
  }

  private isEventualRead(call: AwsCall): boolean {
    return EVENTUAL_READS.has(call.action) && !/"ConsistentRead"\s*:\s*true/.test(call.body.toString('utf8'));
  }
}

/** The headers of a request for the surviving engine: the same, signed for the region that keeps the table. Signatures are not verified there. */
export function signedForHome(call: AwsCall): Record<string, string> {
  const authorization = call.headers.authorization?.replace(`/${call.region}/dynamodb/`, `/${HOME_REGION}/dynamodb/`);
  return authorization ? { ...call.headers, authorization } : call.headers;
}

function tableName(body: Buffer): string | undefined {
  const request = parse(body);
  const first = typeof request.TableName === 'string' ? request.TableName : firstOf(request);
  // An ARN is accepted in a name's place.
  return first?.slice(first.lastIndexOf('/') + 1);
}

function firstOf(request: Record<string, unknown>): string | undefined {
  if (request.RequestItems && typeof request.RequestItems === 'object') return Object.keys(request.RequestItems)[0];
  const text = Array.isArray(request.TransactItems) ? JSON.stringify(request.TransactItems[0] ?? {}) : '';
  return /"TableName":"([^"]+)"/.exec(text)?.[1];
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}
