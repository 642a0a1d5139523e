import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { foreignCalls, guarded, localCalls } from './clients.ts';
import { type ClockError, type ClockWatch, measured } from './clock.ts';
import type { Environment, SiteName } from './plan.ts';
import { required } from './step.ts';

export type Verdict = 'healthy' | 'unhealthy' | 'unknown';

/** What one observer saw of one workload's active site. Times are epoch milliseconds. */
export interface Observation {
  workload: string;
  /** Region of the observer. */
  observer: string;
  /** The site that was looked at. */
  target: SiteName;
  verdict: Verdict;
  reason: string;
  at: number;
  /** Since when this observer has seen this verdict without a break. */
  since: number;
  /** How wrong the observer's own clock is, where that is more than the sites may differ. */
  clockError?: ClockError;
}

/** Rows that nobody has renewed for a day are nobody's. */
const KEEP_SECONDS = 86_400;

/** The observers' tables: each writes in its own region and reads the others', so that no region's loss silences the rest. */
export class Observations {
  private readonly clients = new Map<string, DynamoDBDocumentClient>();
  private readonly regions: readonly string[];

  constructor(
    plan: Environment,
    private readonly ownRegion: string,
    private readonly table = required('LIFEBOAT_OBSERVATIONS_TABLE'),
    /** Is told of each answer of the own region. */
    clock?: ClockWatch,
  ) {
    this.regions = [plan.sites.primary.region, plan.sites.recovery.region, plan.witness.region];
    for (const region of this.regions) {
      const limits = region === ownRegion ? localCalls : foreignCalls;
      const client = guarded(
        DynamoDBDocumentClient.from(new DynamoDBClient({ region, ...limits }), { marshallOptions: { removeUndefinedValues: true } }),
      );
      this.clients.set(region, region === ownRegion ? measured(client, clock) : client);
    }
  }

  async write(observation: Observation): Promise<void> {
    const ttl = Math.floor(observation.at / 1000) + KEEP_SECONDS;
    await this.own().send(
      new PutCommand({ TableName: this.table, Item: { pk: `observation#${observation.workload}`, sk: 'latest', ttl, ...observation } }),
    );
  }

  /** The newest word of each observer that could be read; one that could not is missing, which counts as `unknown`. */
  async latest(workload: string, options: { exceptOwn?: boolean } = {}): Promise<Observation[]> {
    const regions = this.regions.filter((region) => !(options.exceptOwn && region === this.ownRegion));
    const found = await Promise.all(regions.map((region) => this.read(region, workload).catch(() => undefined)));
    return found.filter((observation) => observation !== undefined);
  }

  /** Notes that a loop has begun in this region; the loop before it sees that and ends. */
  async beginLoop(id: string): Promise<void> {
    await this.own().send(new PutCommand({ TableName: this.table, Item: { pk: 'loop', sk: 'latest', id } }));
  }

  async newestLoop(): Promise<string | undefined> {
    const { Item } = await this.own().send(
      new GetCommand({ TableName: this.table, Key: { pk: 'loop', sk: 'latest' }, ConsistentRead: true }),
    );
    return Item?.id as string | undefined;
  }

  private async read(region: string, workload: string): Promise<Observation | undefined> {
    const { Item } = await this.clients
      .get(region)!
      .send(new GetCommand({ TableName: this.table, Key: { pk: `observation#${workload}`, sk: 'latest' } }));
    return Item as Observation | undefined;
  }

  private own(): DynamoDBDocumentClient {
    return this.clients.get(this.ownRegion)!;
  }
}
