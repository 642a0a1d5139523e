import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { guarded, type localCalls } from './clients.ts';
import { type ClockWatch, measured } from './clock.ts';
import { type Won, won } from './ledger.ts';
import type { SiteName } from './plan.ts';
import { required } from './step.ts';

/**
 * One site's word to the other that it will not take a workload's lease, and its taking that back: one item per workload in that
 * site's own table. Conditional writes on the one item decide the race. Times are epoch milliseconds.
 */
export interface Pledge {
  /** Who was promised. */
  site?: SiteName;
  /** For the writes of this epoch. */
  epoch?: number;
  /** Until then, by the clock of who asked. It only grows: what a late message says cannot shorten what its sender counts on. */
  until?: number;
  /** A run here is about to take: no new pledges until then. It ends by itself, so a run that died blocks nobody for longer. */
  suspendedUntil?: number;
  /** This epoch and those before are over, for good: the lease was taken from them. */
  closedEpoch?: number;
}

/** May the lease be taken in spite of this pledge: has its time, and the clock bound, passed? */
export const pledgeHasEnded = ({ until = 0 }: Pledge, now: number, maxClockSkewMs: number): boolean => until + maxClockSkewMs < now;

const keyOf = (workload: string) => ({ pk: `pledge#${workload}`, sk: 'latest' });

/** The pledges that one region's table holds; asked for by the other site, suspended and closed by its own. */
export class Pledges {
  private readonly client: DynamoDBDocumentClient;

  /** @param region of the site that pledges. */
  constructor(
    region: string,
    { limits, clock }: { limits: typeof localCalls; clock?: ClockWatch },
    private readonly table = required('LIFEBOAT_OBSERVATIONS_TABLE'),
  ) {
    this.client = measured(guarded(DynamoDBDocumentClient.from(new DynamoDBClient({ region, ...limits }))), clock);
  }

  /** Asked by the holder of `epoch` that cannot reach the ledger. False: a run is about to take, or has taken. */
  ask(workload: string, { site, epoch, now, until }: { site: SiteName; epoch: number; now: number; until: number }): Promise<Won> {
    return won(
      this.update(workload, {
        set: 'site = :site, #epoch = :epoch, #until = :until',
        condition:
          '(attribute_not_exists(suspendedUntil) OR suspendedUntil < :now) AND (attribute_not_exists(closedEpoch) OR closedEpoch < :epoch)' +
          ' AND (attribute_not_exists(#until) OR #until <= :until)',
        values: { ':site': site, ':epoch': epoch, ':until': until, ':now': now },
      }),
    );
  }

  /** Before a take: no new pledges for a while. Answers what was pledged before. */
  async suspend(workload: string, suspendedUntil: number): Promise<Pledge> {
    return (await this.update(workload, { set: 'suspendedUntil = :until', values: { ':until': suspendedUntil } })).Attributes as Pledge;
  }

  /** After a take: never again a pledge for `epoch` or one before it. Answers what was pledged before. */
  async close(workload: string, epoch: number): Promise<Pledge> {
    await won(
      this.update(workload, {
        set: 'closedEpoch = :epoch',
        condition: 'attribute_not_exists(closedEpoch) OR closedEpoch < :epoch',
        values: { ':epoch': epoch },
      }),
    );
    return this.read(workload);
  }

  /** Strongly consistent. */
  async read(workload: string): Promise<Pledge> {
    const { Item } = await this.client.send(new GetCommand({ TableName: this.table, Key: keyOf(workload), ConsistentRead: true }));
    return (Item ?? {}) as Pledge;
  }

  private update(workload: string, { set, condition, values }: { set: string; condition?: string; values: Record<string, unknown> }) {
    const names = Object.fromEntries(
      ['epoch', 'until'].filter((name) => `${set} ${condition}`.includes(`#${name}`)).map((name) => [`#${name}`, name]),
    );
    return this.client.send(
      new UpdateCommand({
        TableName: this.table,
        Key: keyOf(workload),
        UpdateExpression: `SET ${set}`,
        ConditionExpression: condition,
        ExpressionAttributeNames: Object.keys(names).length > 0 ? names : undefined,
        ExpressionAttributeValues: values,
        ReturnValues: 'ALL_NEW',
      }),
    );
  }
}
